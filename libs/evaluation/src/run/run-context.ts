import type { AnswerMode, CaptionRequest, ImageInput, Inference, InferenceErrorCode } from "@medley/inference-api";
import { InferenceError } from "@medley/inference-api";
import type { Picture } from "../datasets/dataset.ts";
import type { TaskName } from "../datasets/tasks.ts";
import type { Failure } from "./result.ts";

export interface RunSettings {
  /** How many of the best by itcCosine the matching head judges; 0 leaves it out. */
  readonly rerank: number;
  /** w of itmLogit + w * itcCosine. */
  readonly itcWeight: number;
  readonly captionRequest: CaptionRequest;
  readonly answerMode: AnswerMode;
  /** Seed of the bootstrap. */
  readonly seed: number;
}

/** How far a step of a task is. */
export interface Progress {
  readonly task: TaskName;
  /** What is being done, for people: "embedding pictures". */
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

export interface RunContext {
  readonly inference: Inference;
  /** The picture as the engine takes it. Rejects with InferenceError where it cannot be read. */
  readonly openPicture: (picture: Picture) => Promise<ImageInput>;
  readonly onProgress: (progress: Progress) => void;
  readonly settings: RunSettings;
}

/** Opened pictures by name; those that cannot be opened are failures. */
export async function tryOpen(
  context: RunContext,
  task: TaskName,
  picture: Picture,
): Promise<{ readonly image: ImageInput } | { readonly failure: Failure }> {
  try {
    return { image: await context.openPicture(picture) };
  } catch (error) {
    if (error instanceof InferenceError) return { failure: failureOf(task, picture.name, error) };
    throw error;
  }
}

export function failureOf(
  task: TaskName,
  item: string,
  { code, message }: { readonly code: InferenceErrorCode; readonly message: string },
): Failure {
  return { task, item, code, message };
}

/** Runs `work` over the items, at most `limit` at a time, and tells how far it is. Results are in the order of the items. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
  onDone: (done: number) => void = () => {},
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  let done = 0;
  const runner = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as Item, index);
      onDone(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  return results;
}
