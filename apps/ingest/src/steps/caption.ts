import type { Caption, Inference, ModelInfo, Outcome } from "@medley/inference-api";
import { CAPTION_DECODING } from "@medley/search";
import { addCaption, type ClaimedStep, completeSteps } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { failWithInferenceError } from "./fail-step.ts";
import type { StepResult } from "./prepare.ts";

export interface CaptionTarget {
  readonly spaceId: string;
  readonly captioner: ModelInfo;
  readonly retrieval: ModelInfo;
}

/** Writes a synthetic caption for each picture, with the scores by which a filter can judge it. */
export async function captionImages(
  context: IngestContext,
  target: CaptionTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  const images = claimed.map(({ sha256 }) => ({ sha256 }));
  const outcomes = await retryTransient(
    () => context.inference.captionImages(images, { decoding: CAPTION_DECODING }),
    context.retry,
  );
  return Promise.all(claimed.map((step, index) => saveCaption(context, target, step, outcomes[index])));
}

async function saveCaption(
  context: IngestContext,
  { spaceId, captioner, retrieval }: CaptionTarget,
  { imageId, sha256 }: ClaimedStep,
  outcome: Outcome<Caption> | undefined,
): Promise<StepResult> {
  if (outcome === undefined) throw new Error("Bug: captionImages returned fewer outcomes than pictures");
  if (!outcome.ok) return failWithInferenceError(context, { step: "caption", spaceId, imageId, error: outcome.error });
  const { text, logProbability } = outcome.value;
  const scores = await retryTransient(() => scoreCaption(context.inference, sha256, text), context.retry);
  await retryTransient(
    () =>
      context.db.transaction(async (db) => {
        // A model may have nothing to say; that is done, too, and an empty text is no caption.
        if (text.trim() !== "") {
          await addCaption(db, {
            imageId,
            text,
            source: "SYNTHETIC",
            modelFingerprint: captioner.fingerprint,
            decoding: CAPTION_DECODING,
            logProbability,
            filterFingerprint: retrieval.fingerprint,
            ...scores,
          });
        }
        await completeSteps(db, { step: "caption", spaceId, imageIds: [imageId] });
      }),
    context.retry,
  );
  return { imageId, state: "done" };
}

/** Both scores of a caption for its own picture; a caption that cannot be scored is kept without. */
async function scoreCaption(
  inference: Inference,
  sha256: string,
  text: string,
): Promise<{ itcCosine?: number; itmLogit?: number }> {
  if (text.trim() === "") return {};
  const [match] = await inference.matchTexts({ sha256 }, [text], { role: "retrieval", itcCosine: true });
  if (!match?.ok) return {};
  const { itmLogit, itcCosine } = match.value;
  return { itmLogit, ...(itcCosine !== undefined && { itcCosine }) };
}
