import type { ModelInfo } from "@medley/inference-api";
import { type ModelInputTarget, modelInputVariant } from "@medley/media";
import {
  type ClaimedStep,
  completeSteps,
  lockNearDuplicates,
  markNearDuplicates,
  saveEmbeddings,
  suspectBlobs,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { callModelOf } from "../spaces/with-model.ts";
import { failWithInferenceError } from "./fail-step.ts";
import type { StepResult } from "./prepare.ts";

export interface EmbedTarget {
  readonly corpusId: string;
  readonly spaceId: string;
  /** The model that built the space. */
  readonly retrieval: ModelInfo;
  readonly modelInput: ModelInputTarget;
}

/** Embeds the pictures by their content address; the engine stores their image tokens on the way. Those that look like another one are marked. */
export async function embedImages(
  context: IngestContext,
  target: EmbedTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  let ended = false;
  try {
    const results = await embedBatch(context, target, claimed);
    ended = !context.signal.aborted;
    return results;
  } finally {
    // Pictures of it may have been deleted, and their files with them, before the engine stored their tokens: those are looked at once more.
    if (!ended) {
      const sha256s = claimed.map(({ sha256 }) => sha256);
      await suspectBlobs(context.db, sha256s).catch(() => {});
    }
  }
}

async function embedBatch(
  context: IngestContext,
  target: EmbedTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  const { corpusId, spaceId, modelInput } = target;
  const images = claimed.map(({ sha256 }) => ({ sha256 }));
  const outcomes = await callModelOf(context, target, (model) => context.inference.embedImages(images, model));
  const results = claimed.map(({ imageId }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("Bug: embedImages returned fewer outcomes than pictures");
    return { imageId, outcome };
  });
  const rows = results.flatMap(({ imageId, outcome }) =>
    outcome.ok ? [{ imageId, corpusId, embedding: outcome.value }] : [],
  );
  if (rows.length > 0) {
    const imageIds = rows.map(({ imageId }) => imageId);
    await retryTransient(
      () =>
        context.db.transaction(async (db) => {
          await lockNearDuplicates(db, corpusId);
          await saveEmbeddings(db, { spaceId, rows });
          await completeSteps(db, { step: "embed", spaceId, imageIds });
          await markNearDuplicates(db, { spaceId, imageIds });
        }),
      context.retry,
    );
  }
  const variant = modelInputVariant(modelInput);
  for (const { sha256 } of claimed) await context.thumbnails.remove(sha256, variant);
  return Promise.all(
    results.map(({ imageId, outcome }) =>
      outcome.ok
        ? ({ imageId, state: "done" } as const)
        : failWithInferenceError(context, { step: "embed", spaceId, imageId, error: outcome.error }),
    ),
  );
}
