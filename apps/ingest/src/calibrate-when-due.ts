import { calibrateSearch, LEAST_CALIBRATION_IMAGES, SearchError } from "@medley/search";
import { activeSpace, countImages, newestCalibration } from "@medley/storage";
import type { IngestContext } from "./ingest-context.ts";

/** How many pictures a corpus had when this process last tried to calibrate it in a space: what failed is not tried again at once. */
export type CalibrationAttempts = Map<string, number>;

/** A corpus that has grown by this share is another one: what its neighbours look like has changed. */
const GROWTH = 0.2;
/** Each costs one short search and one picture against three texts: a minute or two for all of them on two cores. */
const IMAGES = 200;
const SEED = 0;
/** An engine that serves slowly must not hold the worker up for ever; the next run tries again. */
const AT_MOST_MS = 10 * 60_000;

/**
 * Fits what the scores of searches mean, where the corpus has no calibration for the model that answers or has grown by a fifth since. It comes
 * after everything else, and whatever goes wrong is a note: a corpus can be searched without it.
 */
export async function calibrateWhenDue(
  context: IngestContext,
  { corpusId, spaceId, itcWeight }: { readonly corpusId: string; readonly spaceId: string; readonly itcWeight: number },
  onNote: (note: string) => void,
): Promise<void> {
  try {
    const images = await countImages(context.db, corpusId);
    const newest = await newestCalibration(context.db, { corpusId, spaceId, itcWeight });
    const tried = context.calibrationAttempts.get(`${corpusId} ${spaceId}`);
    const last = Math.max(newest?.corpusImages ?? 0, tried ?? 0);
    if (images < LEAST_CALIBRATION_IMAGES || (last > 0 && images < last * (1 + GROWTH))) return;
    // Another space may still be answering; its calibration is its own.
    if ((await activeSpace(context.db, corpusId))?.id !== spaceId) return;
    context.calibrationAttempts.set(`${corpusId} ${spaceId}`, images);
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(AT_MOST_MS)]);
    const request = { corpusId, spaceId, images: IMAGES, seed: SEED, signal };
    const { images: drawn, found, calibration } = await calibrateSearch(context, request);
    const verdicts =
      calibration.query === null ? "verdicts come from texts alone" : `${found} of them found by their text`;
    onNote(`Searches give match probabilities now, fitted to ${drawn} pictures with texts (${verdicts}).`);
  } catch (error) {
    if (context.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof SearchError) onNote(`Searches give no match probabilities. ${reason}`);
    else onNote(`Searches could not be calibrated: ${reason} Try again: medley calibrate --corpus NAME`);
  }
}
