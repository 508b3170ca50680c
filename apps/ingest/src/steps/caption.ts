import { decodingsOf } from "@medley/capfilt";
import type { Caption, Decoding, InferenceError, ModelInfo, Outcome } from "@medley/inference-api";
import {
  activeCaptionRun,
  addCaption,
  type CaptionRun,
  type ClaimedStep,
  completeSteps,
  type Queryable,
  reopenSteps,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { modelsChanged } from "../ingest-error.ts";
import { retryTransient } from "../retry.ts";
import { failWithInferenceError } from "./fail-step.ts";
import type { StepResult } from "./prepare.ts";

export interface CaptionTarget {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly captioner: ModelInfo;
}

/**
 * Writes each picture's synthetic captions as the corpus's run says: one, or several with seeds of their own. Without a run, because it was taken
 * back meanwhile, nothing is written.
 * @throws IngestError MODELS_CHANGED
 */
export async function captionImages(
  context: IngestContext,
  { corpusId, spaceId, captioner }: CaptionTarget,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  const run = await retryTransient(() => activeCaptionRun(context.db, corpusId), context.retry);
  if (run && run.captionerFingerprint !== captioner.fingerprint) throw modelsChanged("captioner", captioner.name);
  const written = run ? await decodeAll(context, run, claimed) : [];
  return Promise.all(
    claimed.map(async ({ imageId }, index) => {
      const drafts: Draft[] = written.map(({ decoding, outcomes }) => {
        const outcome = outcomes[index];
        if (outcome === undefined) throw new Error("Bug: captionImages returned fewer outcomes than pictures");
        return { decoding, outcome };
      });
      const error = drafts.map(({ outcome }) => outcome).find((outcome) => !outcome.ok)?.error;
      if (error) return failWithInferenceError(context, { step: "caption", spaceId, imageId, error });
      await retryTransient(
        () =>
          context.db.transaction(async (db) => {
            if (run) await saveDrafts(db, imageId, run, drafts);
            await completeSteps(db, { step: "caption", spaceId, imageIds: [imageId] });
            // Whoever began another run has waited for this, or is seen now.
            const now = await activeCaptionRun(db, corpusId);
            if (now && now.id !== run?.id) await reopenSteps(db, { imageIds: [imageId], steps: ["caption"] });
          }),
        context.retry,
      );
      return { imageId, state: "done" } as const;
    }),
  );
}

interface Draft {
  readonly decoding: Decoding;
  readonly outcome: { ok: true; value: Caption } | { ok: false; error: InferenceError };
}

async function decodeAll(
  context: IngestContext,
  run: CaptionRun,
  claimed: readonly ClaimedStep[],
): Promise<{ decoding: Decoding; outcomes: Outcome<Caption>[] }[]> {
  const images = claimed.map(({ sha256 }) => ({ sha256 }));
  const prompt = run.prompt === null ? {} : { prompt: run.prompt };
  const all: { decoding: Decoding; outcomes: Outcome<Caption>[] }[] = [];
  for (const decoding of decodingsOf(run)) {
    const request = { decoding, ...prompt };
    const outcomes = await retryTransient(() => context.inference.captionImages(images, request), context.retry);
    all.push({ decoding, outcomes });
  }
  return all;
}

/** Each text once: two seeds may find the same words. A model may have nothing to say, and an empty text is no caption. */
async function saveDrafts(db: Queryable, imageId: string, run: CaptionRun, drafts: readonly Draft[]): Promise<void> {
  const known = new Set<string>();
  for (const { decoding, outcome } of drafts) {
    if (!outcome.ok) continue;
    const { logProbability } = outcome.value;
    const text = outcome.value.text.trim();
    if (text === "" || known.has(text)) continue;
    known.add(text);
    await addCaption(db, {
      imageId,
      text,
      source: "SYNTHETIC",
      modelFingerprint: run.captionerFingerprint,
      runId: run.id,
      prompt: run.prompt,
      decoding,
      seed: decoding.method === "nucleus" ? decoding.seed : null,
      logProbability,
    });
  }
}
