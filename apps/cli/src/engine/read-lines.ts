import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { CliError, type ErrorRecord } from "../cli-error.ts";

/** One line of an input file: what it holds, or why it holds nothing usable. */
export type InputLine<Item> =
  | { readonly line: number; readonly ok: true; readonly item: Item }
  | { readonly line: number; readonly ok: false; readonly given: object; readonly error: ErrorRecord };

/** Yields the lines of a JSONL file (or of standard input, "-") as they are read; empty lines are passed over. */
export async function* readLines<Item>(input: string, schema: z.ZodType<Item>): AsyncGenerator<InputLine<Item>> {
  const stream = input === "-" ? process.stdin.setEncoding("utf8") : createReadStream(input, { encoding: "utf8" });
  // readline does not listen for errors of its stream, and would wait for ever.
  const failure = new Promise<never>((_, reject) => {
    stream.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? "there is no such file" : error.message;
      reject(new CliError("INPUT_NOT_READABLE", `The input "${input}" cannot be read: ${reason}.`, { cause: error }));
    });
  });
  failure.catch(() => {});
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (let line = 1; ; line += 1) {
    const next = await Promise.race([lines.next(), failure]);
    if (next.done) return;
    const text = line === 1 ? next.value.replace(/^\uFEFF/, "") : next.value;
    if (text.trim()) yield parseLine(line, text, schema);
  }
}

function parseLine<Item>(line: number, text: string, schema: z.ZodType<Item>): InputLine<Item> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      line,
      ok: false,
      given: { line },
      error: { code: "INVALID_LINE", message: `The line is not JSON: ${reason}.` },
    };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { line, ok: true, item: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `"${issue.path.join(".")}": ` : "";
  const given = typeof value === "object" && value !== null && !Array.isArray(value) ? value : { line };
  const message = `The line does not fit: ${where}${issue?.message ?? "unknown"}.`;
  return { line, ok: false, given, error: { code: "INVALID_LINE", message } };
}
