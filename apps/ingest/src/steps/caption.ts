import { decodingsOf, type FilledPrompt, fillPrompt, namesAttributes } from "@medley/capfilt";
import type { Caption, Decoding, InferenceError, ModelInfo, Outcome } from "@medley/inference-api";
import {
  activeCaptionRun,
  addCaption,
  type CaptionRun,
  type ClaimedStep,
  completeSteps,
  findImages,
  placeCaptions,
  type Queryable,
  reopenSteps,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { modelsChanged } from "../ingest-error.ts";
import { requireAvailable, retryTransient } from "../retry.ts";
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
  const prompts = await promptsOf(context, run, claimed);
  const written = run ? await decodeAll(context, run, claimed, prompts) : [];
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
            if (run) await saveDrafts(db, imageId, { run, filled: promptAt(prompts, index) }, drafts);
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

/** What each picture's captions start from: the run's prompt with the picture's own attributes. */
async function promptsOf(
  { db, retry }: IngestContext,
  run: CaptionRun | null,
  claimed: readonly ClaimedStep[],
): Promise<FilledPrompt[]> {
  const prompt = run?.prompt ?? null;
  if (!namesAttributes(prompt)) return claimed.map(() => fillPrompt(prompt, {}));
  const ids = claimed.map(({ imageId }) => imageId);
  const images = await retryTransient(() => findImages(db, ids), retry);
  const attributes = new Map(images.map((image) => [image.id, image.attributes]));
  return ids.map((id) => fillPrompt(prompt, attributes.get(id) ?? {}));
}

function promptAt(prompts: readonly FilledPrompt[], index: number): FilledPrompt {
  const filled = prompts[index];
  if (filled === undefined) throw new Error("Bug: fewer prompts than pictures");
  return filled;
}

/** A call for each decoding and each prompt; outcomes are in the order of the pictures. */
async function decodeAll(
  context: IngestContext,
  run: CaptionRun,
  claimed: readonly ClaimedStep[],
  prompts: readonly FilledPrompt[],
): Promise<{ decoding: Decoding; outcomes: Outcome<Caption>[] }[]> {
  const byPrompt = Map.groupBy(claimed.keys(), (index) => promptAt(prompts, index).prompt);
  const all: { decoding: Decoding; outcomes: Outcome<Caption>[] }[] = [];
  for (const decoding of decodingsOf(run)) {
    const outcomes: Outcome<Caption>[] = [];
    for (const [prompt, indexes] of byPrompt) {
      const images = indexes.map((index) => ({ sha256: (claimed[index] as ClaimedStep).sha256 }));
      const request = { decoding, ...(prompt !== null && { prompt }) };
      const write = async () => requireAvailable(await context.inference.captionImages(images, request));
      const some = await retryTransient(write, context.retry);
      for (const [place, index] of indexes.entries()) {
        const outcome = some[place];
        if (outcome !== undefined) outcomes[index] = outcome;
      }
    }
    all.push({ decoding, outcomes });
  }
  return all;
}

/** Each text once: two seeds may find the same words. A model may have nothing to say, and an empty text is no caption. */
async function saveDrafts(
  db: Queryable,
  imageId: string,
  { run, filled }: { readonly run: CaptionRun; readonly filled: FilledPrompt },
  drafts: readonly Draft[],
): Promise<void> {
  const known = new Set<string>();
  const captionIds: string[] = [];
  for (const { decoding, outcome } of drafts) {
    if (!outcome.ok) continue;
    const { logProbability } = outcome.value;
    const written = outcome.value.text.trim();
    // The words that it goes on from belong to the caption, but alone they are none.
    const text = `${filled.kept} ${written}`.trim();
    if (written === "" || known.has(text)) continue;
    known.add(text);
    const { id } = await addCaption(db, {
      imageId,
      text,
      source: "SYNTHETIC",
      modelFingerprint: run.captionerFingerprint,
      runId: run.id,
      prompt: filled.prompt,
      decoding,
      seed: decoding.method === "nucleus" ? decoding.seed : null,
      logProbability,
    });
    captionIds.push(id);
  }
  await placeCaptions(db, { runId: run.id, imageId, captionIds, supersedes: run.supersedes });
}
