import { createLocalInference, openModelSet } from "@medley/inference";
import type { Inference, Outcome } from "@medley/inference-api";

/** Side of the pictures that BLIP base takes. */
export const BASE_PIXELS = 384;

/** Our engine with one worker of `threads` threads; pictures are raw pixels, so that only the model is measured. */
export async function openEngine(checkpoint: string, threads: number, workers = 1): Promise<Inference> {
  return await createLocalInference({
    modelSet: openModelSet(checkpoint),
    resources: { url: new URL("./raw-pixels.ts", import.meta.url).href, settings: {} },
    graphDirectory: `${checkpoint}/medley-graphs`,
    workers,
    threadsPerWorker: threads,
  });
}

let seed = 1;

/** A new random picture, so that nothing is answered from a cache. */
export function freshPicture(): { readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(BASE_PIXELS * BASE_PIXELS * 3);
  let state = ++seed * 2654435761;
  for (let index = 0; index < bytes.length; index++) {
    state = Math.imul(state ^ (state >>> 13), 1597334677) + 1;
    bytes[index] = state >>> 24;
  }
  return { bytes };
}

/** Throws the first error: a benchmark of failures would be fast and meaningless. */
export function allOf<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  });
}
