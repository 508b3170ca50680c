import { canBeJudged, judgeCaptions } from "@medley/capfilt";
import type { ModelInfo } from "@medley/inference-api";
import { activeFilterPolicy, captionsToScore, type ClaimedStep, completeSteps, reopenSteps } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { modelsChanged } from "../ingest-error.ts";
import { requireAvailable, retryTransient } from "../retry.ts";
import { failWithInferenceError } from "./fail-step.ts";
import type { StepResult } from "./prepare.ts";

export interface FilterTarget {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly filter: ModelInfo;
}

/**
 * Judges the captions of each picture, the web's and the captioner's alike, by the corpus's policy. A picture is judged again when it gained a caption
 * or when another policy became the active one meanwhile.
 * @throws IngestError MODELS_CHANGED
 */
export async function filterCaptions(
  context: IngestContext,
  { corpusId, spaceId, filter }: FilterTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  const policy = await retryTransient(() => activeFilterPolicy(context.db, corpusId), context.retry);
  if (policy?.filterFingerprint !== filter.fingerprint) throw modelsChanged("filter", filter.name);
  const judge = async () => requireAvailable(await judgeCaptions(context, claimed, { filter, policy }));
  const judgements = new Map((await retryTransient(judge, context.retry)).map((each) => [each.imageId, each]));
  const whole = claimed.flatMap(({ imageId }) => (judgements.get(imageId)?.ok === false ? [] : [imageId]));
  const seen = new Set([...judgements.values()].flatMap((each) => (each.ok ? each.seen : [])));
  const complete = () =>
    context.db.transaction(async (db) => {
      await completeSteps(db, { step: "filter", spaceId, imageIds: whole });
      // A caption that came while others were judged: whoever added it either waits for this transaction or is seen now.
      const unscored = await captionsToScore(db, { imageIds: whole, filterFingerprint: filter.fingerprint });
      const later = unscored.filter((caption) => canBeJudged(caption) && !seen.has(caption.captionId));
      const isDecided = (await activeFilterPolicy(db, corpusId))?.id === policy.id;
      const changed = isDecided ? [...new Set(later.map(({ imageId }) => imageId))] : whole;
      if (changed.length > 0) await reopenSteps(db, { imageIds: changed, steps: ["filter"] });
    });
  await retryTransient(complete, context.retry);
  return Promise.all(
    claimed.map(({ imageId }) => {
      const judgement = judgements.get(imageId);
      return judgement?.ok === false
        ? failWithInferenceError(context, { step: "filter", spaceId, imageId, error: judgement.error })
        : ({ imageId, state: "done" } as const);
    }),
  );
}
