import { InferenceError, type ModelInfo } from "@medley/inference-api";
import { loadModelOf, servedModelOf } from "@medley/search";
import type { Space } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import type { StepPlan } from "../steps/run-steps.ts";

/** How the pictures of a corpus come into a space; null when no model that is served or registered built it. */
export async function planSpace(context: IngestContext, corpusId: string, space: Space): Promise<StepPlan | null> {
  const builder = await builderOf(context, space);
  return builder && planOf(corpusId, space.id, builder);
}

/** The model that built the space, which is loaded where it is registered and not served. */
export async function builderOf(context: IngestContext, space: Space): Promise<ModelInfo | null> {
  const served = await retryTransient(() => context.inference.models(), context.retry);
  const found = servedModelOf(served, space);
  if (found) return found;
  try {
    return await retryTransient(() => loadModelOf(context, space), context.retry);
  } catch (error) {
    // Its checkpoint is gone, or the engine behind the port loads none.
    if (error instanceof InferenceError && !error.retryable) return null;
    throw error;
  }
}

export function planOf(corpusId: string, spaceId: string, retrieval: ModelInfo): StepPlan {
  const modelInput = { sizePixels: retrieval.imageSizePixels, filter: retrieval.imageFilter };
  return { corpusId, spaceId, retrieval, modelInput };
}
