import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { BlipError } from "./blip-error.ts";

const BERT_VOCABULARY_FILE = new URL("../vocabulary/bert-base-uncased.txt", import.meta.url);
/** Ten times the largest multilingual WordPiece vocabulary (120,000): a larger id is a damaged file, not a piece. */
const MAX_VOCABULARY = 1_200_000;

let bundled: Promise<readonly string[]> | undefined;

/** The 30,522 pieces of bert-base-uncased, which every public BLIP checkpoint uses; read from disk once, when first asked. */
export function bundledVocabulary(): Promise<readonly string[]> {
  bundled ??= readFile(BERT_VOCABULARY_FILE, "utf8").then(parseVocabulary);
  return bundled;
}

/**
 * Reads the pieces of a vocab.txt or a tokenizer.json (chosen by the extension); the position in the list is the id.
 * @throws BlipError BAD_VOCABULARY for files that hold no WordPiece vocabulary
 */
export async function readVocabulary(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8");
  const pieces = file.endsWith(".json") ? vocabularyOfTokenizerJson(text, basename(file)) : parseVocabulary(text);
  if (pieces.length > 0) return pieces;
  throw new BlipError("BAD_VOCABULARY", `${file} holds no pieces, expected one a line. Is the file complete?`);
}

/** One piece a line, as transformers reads vocab.txt: only the line end is cut off. */
function parseVocabulary(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function vocabularyOfTokenizerJson(text: string, name: string): string[] {
  const json = parsedObject(text, name);
  const model = asRecord(json.model);
  if (model.type !== undefined && model.type !== "WordPiece") {
    throw new BlipError("BAD_VOCABULARY", `${name} holds a "${String(model.type)}" model, expected "WordPiece".`);
  }
  const entries = Object.entries(asRecord(model.vocab));
  for (const token of Array.isArray(json.added_tokens) ? json.added_tokens : []) {
    const { content, id } = asRecord(token);
    if (typeof content === "string") entries.push([content, id]);
  }
  const vocabulary: string[] = [];
  for (const [piece, id] of entries) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > MAX_VOCABULARY) {
      throw new BlipError(
        "BAD_VOCABULARY",
        `${name} gives "${piece}" the id ${String(id)}, expected an integer from 0.`,
      );
    }
    vocabulary[id] = piece;
  }
  for (let id = 0; id < vocabulary.length; id++) {
    if (vocabulary[id] !== undefined) continue;
    throw new BlipError(
      "BAD_VOCABULARY",
      `${name} has ids up to ${vocabulary.length - 1}, but no piece with the id ${id}.`,
    );
  }
  return vocabulary;
}

function parsedObject(text: string, name: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text));
  } catch (cause) {
    throw new BlipError("BAD_VOCABULARY", `${name} is not valid JSON: ${(cause as Error).message}.`, { cause });
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
