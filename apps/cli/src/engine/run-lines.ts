import { basename } from "node:path";
import { type Inference, InferenceError } from "@medley/inference-api";
import type { z } from "zod";
import { type ErrorRecord, errorRecord } from "../cli-error.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { mapInOrder } from "./map-in-order.ts";
import { type InputLine, readLines } from "./read-lines.ts";

/** What a line becomes: fields beside those it came with, or an error in their place. */
export type LineResult =
  | { readonly ok: true; readonly fields: object; readonly text: string }
  | { readonly ok: false; readonly error: ErrorRecord };

export interface LineCommand<Item extends object> {
  readonly input: string;
  readonly json: boolean;
  readonly schema: z.ZodType<Item>;
  /** One result for each item, in order. Rejects only when the whole command cannot go on. */
  readonly run: (items: readonly Item[]) => Promise<LineResult[]>;
}

/** Lines that go to the models together: enough to keep all workers busy, little enough to hold their pictures. */
const LINES_PER_BATCH = 32;
/** The next batch is read and queued while one is computed. */
const CONCURRENT_BATCHES = 2;

/** Streams the lines of the input through the models: one record for each line, in their order, bad ones included. */
export async function runLines<Item extends object>(command: LineCommand<Item>): Promise<void> {
  const batches = inBatches(readLines(command.input, command.schema), LINES_PER_BATCH);
  for await (const results of mapInOrder(batches, CONCURRENT_BATCHES, (batch) => runBatch(command, batch))) {
    for (const { line, given, result } of results) await report(command, line, given, result);
  }
}

interface Reported {
  readonly line: number;
  readonly given: object;
  readonly result: LineResult;
}

async function runBatch<Item extends object>(
  command: LineCommand<Item>,
  batch: readonly InputLine<Item>[],
): Promise<Reported[]> {
  const items = batch.flatMap((entry) => (entry.ok ? [entry.item] : []));
  const results = items.length > 0 ? (await command.run(items)).values() : [].values();
  return batch.map((entry) => {
    if (!entry.ok) return { line: entry.line, given: entry.given, result: { ok: false, error: entry.error } };
    const next = results.next();
    if (next.done) throw new Error("Bug: a command gave fewer results than it had lines");
    return { line: entry.line, given: entry.item, result: next.value };
  });
}

async function report(command: { input: string; json: boolean }, line: number, given: object, result: LineResult) {
  if (!result.ok) note(`${basename(command.input)}:${line}: ${result.error.message} (${result.error.code})`);
  if (command.json) await writeRecord(result.ok ? { ...given, ...result.fields } : { ...given, error: result.error });
  else if (result.ok) await writeLine(result.text);
}

async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Waits for the promise; an error of one item is that item's result, anything else ends the command. */
export async function settleItem<Value>(
  work: Promise<Value>,
): Promise<{ ok: true; value: Value } | { ok: false; error: ErrorRecord }> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    if (error instanceof InferenceError) return { ok: false, error: errorRecord(error) };
    throw error;
  }
}

/** The engine's model of a role must exist before the first line is read. Throws InferenceError. */
export async function requireAbility(inference: Inference, ability: "embed" | "match" | "caption" | "answer") {
  const models = await inference.models();
  if (models.some(({ abilities }) => abilities.includes(ability))) return;
  const found = models.map(({ name, abilities }) => `"${name}" (${abilities.join(", ")})`).join(", ") || "none";
  throw new InferenceError("UNSUPPORTED", `No model here can ${ability}: there is ${found}. Give another --model.`);
}
