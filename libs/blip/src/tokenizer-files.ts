import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BlipError } from "./blip-error.ts";
import type { TokenizerOptions } from "./tokenizer.ts";

/**
 * Reads what tokenizer.json and tokenizer_config.json beside a checkpoint say about casing, accents and clean-up. Empty where
 * neither is there: bert-base-uncased's own settings apply then. The vocabulary comes from readVocabulary.
 * @throws BlipError BAD_CONFIG for a file that is not JSON
 */
export async function readTokenizerOptions(folder: string): Promise<Omit<TokenizerOptions, "specialTokens">> {
  const normalizer = asRecord((await readJson(join(folder, "tokenizer.json"))).normalizer);
  const config = await readJson(join(folder, "tokenizer_config.json"));
  const lowercase = firstBoolean(normalizer.lowercase, config.do_lower_case);
  const stripAccents = firstBoolean(normalizer.strip_accents, config.strip_accents);
  const splitIdeographs = firstBoolean(normalizer.handle_chinese_chars, config.tokenize_chinese_chars);
  const cleanUpSpaces = firstBoolean(config.clean_up_tokenization_spaces);
  return {
    ...(lowercase !== undefined && { lowercase }),
    ...(stripAccents !== undefined && { stripAccents }),
    ...(splitIdeographs !== undefined && { splitIdeographs }),
    ...(cleanUpSpaces !== undefined && { cleanUpSpaces }),
  };
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  if (!existsSync(file)) return {};
  try {
    return asRecord(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    throw new BlipError("BAD_CONFIG", `${file} is not valid JSON: ${(cause as Error).message}.`, { cause });
  }
}

function firstBoolean(...values: readonly unknown[]): boolean | undefined {
  return values.find((value) => typeof value === "boolean");
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
