import { beginCaptionRun, captionerOf, confirmationBias, ensureActivePolicy, filterOf } from "@medley/capfilt";
import type { Decoding, ModelInfo } from "@medley/inference-api";
import { CAPTION_DECODING } from "@medley/search";
import { activeCaptionRun, hasCaptionRuns } from "@medley/storage";
import type { IngestContext } from "./ingest-context.ts";
import type { IngestListener } from "./run-ingest.ts";

/** Which models write and judge the captions of a run. */
export interface CaptionPlan {
  readonly captioner?: ModelInfo;
  readonly filter?: ModelInfo;
}

/** How a corpus is captioned that nobody has decided about: one caption for each picture, which reads best by beam search. */
export const FIRST_RUN = { decoding: CAPTION_DECODING, prompt: null, captionsPerImage: 1 } as const;

/**
 * Sees to it that the corpus has a run of the captioner and a policy of the filter that are served now. Without a run of its own a corpus gets one
 * caption for each picture by beam search, which reads best; one whose runs were all taken back gets none until somebody asks.
 */
export async function planCaptions(
  context: Pick<IngestContext, "db">,
  corpusId: string,
  models: readonly ModelInfo[],
  listener: Pick<IngestListener, "onNote">,
): Promise<CaptionPlan> {
  const { db } = context;
  const captioner = captionerOf(models);
  const filter = filterOf(models);
  if (!captioner) listener.onNote("The model set has no captioner: no captions are written.", "MODELS");
  const writes = captioner !== undefined && (await hasRun(context, corpusId, captioner, listener));
  if (filter) {
    await ensureActivePolicy(db, corpusId, filter);
    const bias = writes ? confirmationBias(captioner, filter) : null;
    if (bias) listener.onNote(bias, "MODELS");
  }
  return { ...(writes && { captioner }), ...(filter && { filter }) };
}

async function hasRun(
  { db }: Pick<IngestContext, "db">,
  corpusId: string,
  captioner: ModelInfo,
  listener: Pick<IngestListener, "onNote">,
): Promise<boolean> {
  const active = await activeCaptionRun(db, corpusId);
  if (active?.captionerFingerprint === captioner.fingerprint) return true;
  if (active) {
    const { decoding, prompt, captionsPerImage } = active;
    await beginCaptionRun(db, corpusId, captioner, { decoding: decoding as Decoding, prompt, captionsPerImage });
    return true;
  }
  if (await hasCaptionRuns(db, corpusId)) {
    listener.onNote("The captioner's runs of this corpus were taken back. Begin a new one: medley capfilt run");
    return false;
  }
  await beginCaptionRun(db, corpusId, captioner, FIRST_RUN);
  return true;
}
