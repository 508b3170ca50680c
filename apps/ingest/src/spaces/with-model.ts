import { InferenceError, type ModelInfo, type Outcome } from "@medley/inference-api";
import { loadModelOf } from "@medley/search";
import { findSpace } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { requireAvailable, retryTransient } from "../retry.ts";

/**
 * A call to the model that built a space, tried again while the engine or the store of pictures behind it is away. An inference server that was started again knows only its model set:
 * a registered model is loaded into it once more.
 */
export async function callModelOf<Value>(
  context: IngestContext,
  { spaceId, retrieval }: { readonly spaceId: string; readonly retrieval: ModelInfo },
  call: (options: { readonly model: string }) => Promise<Outcome<Value>[]>,
): Promise<Outcome<Value>[]> {
  const attempt = async () => requireAvailable(await call({ model: retrieval.fingerprint }));
  return await retryTransient(async () => {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof InferenceError) || error.code !== "MODEL_NOT_FOUND") throw error;
      const space = await findSpace(context.db, spaceId);
      if (space === null || (await loadModelOf(context, space)) === null) throw error;
      return await attempt();
    }
  }, context.retry);
}
