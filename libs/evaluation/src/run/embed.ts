import type { ImageInput } from "@medley/inference-api";
import type { Picture } from "../datasets/dataset.ts";
import type { TaskName } from "../datasets/tasks.ts";
import type { Failure } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext, tryOpen } from "./run-context.ts";

/** Enough to keep every worker busy, little enough to show progress. */
const PICTURES_PER_CALL = 4;
const PICTURE_CALLS = 8;
const TEXTS_PER_CALL = 256;
const TEXT_CALLS = 4;

export interface EmbeddedPicture {
  /** Position in the list that was given. */
  readonly index: number;
  readonly image: ImageInput;
  /** float32 [dimensions], L2 norm 1. */
  readonly embedding: Float32Array;
}

export interface EmbeddedText {
  readonly index: number;
  readonly embedding: Float32Array;
}

/** ITC embeddings of the pictures that can be read, in their order. The engine keeps image tokens of those named by sha256. */
export async function embedPictures(
  context: RunContext,
  task: TaskName,
  pictures: readonly Picture[],
  failures: Failure[],
): Promise<EmbeddedPicture[]> {
  const batches = inBatches(pictures, PICTURES_PER_CALL);
  const embedded = await mapConcurrently(
    batches,
    PICTURE_CALLS,
    async (batch) => {
      const opened = await Promise.all(batch.map(({ item }) => tryOpen(context, task, item)));
      const usable = opened.flatMap((one, place) => {
        if ("image" in one) return [{ image: one.image, ...(batch[place] as Indexed<Picture>) }];
        failures.push(one.failure);
        return [];
      });
      if (usable.length === 0) return [];
      const outcomes = await context.inference.embedImages(usable.map(({ image }) => image));
      return usable.flatMap(({ index, item, image }, place) => {
        const outcome = requireOutcome(outcomes[place]);
        if (outcome.ok) return [{ index, image, embedding: outcome.value }];
        failures.push(failureOf(task, item.name, outcome.error));
        return [];
      });
    },
    (done) => progress(context, task, "embedding pictures", done * PICTURES_PER_CALL, pictures.length),
  );
  return embedded.flat();
}

/** ITC embeddings of the texts that the model can read, in their order. */
export async function embedTexts(
  context: RunContext,
  task: TaskName,
  texts: readonly string[],
  failures: Failure[],
): Promise<EmbeddedText[]> {
  const embedded = await mapConcurrently(
    inBatches(texts, TEXTS_PER_CALL),
    TEXT_CALLS,
    async (batch) => {
      const outcomes = await context.inference.embedTexts(batch.map(({ item }) => item));
      return batch.flatMap(({ index, item }, place) => {
        const outcome = requireOutcome(outcomes[place]);
        if (outcome.ok) return [{ index, embedding: outcome.value }];
        failures.push(failureOf(task, item, outcome.error));
        return [];
      });
    },
    (done) => progress(context, task, "embedding texts", done * TEXTS_PER_CALL, texts.length),
  );
  return embedded.flat();
}

/** An engine that breaks the port's promise of one outcome for each item. */
export function requireOutcome<Value>(outcome: Value | undefined): Value {
  if (outcome === undefined) throw new Error("Bug: the engine gave fewer outcomes than it was given items");
  return outcome;
}

interface Indexed<Item> {
  readonly index: number;
  readonly item: Item;
}

function inBatches<Item>(items: readonly Item[], size: number): Indexed<Item>[][] {
  const batches: Indexed<Item>[][] = [];
  for (let start = 0; start < items.length; start += size) {
    batches.push(items.slice(start, start + size).map((item, place) => ({ index: start + place, item })));
  }
  return batches;
}

function progress(context: RunContext, task: TaskName, step: string, done: number, total: number): void {
  context.onProgress({ task, step, done: Math.min(done, total), total });
}
