import { ensureActivePolicy, filterOf } from "@medley/capfilt";
import { activeSpace, countImages, countToScore, decideCaptions, markScoresStale } from "@medley/storage";
import { retryTransient } from "../retry.ts";
import { doOpenedSteps, missing } from "./do-opened-steps.ts";
import { lookAtImages } from "./look-at-images.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/**
 * Has the filter that is served score the captions that it has not scored, or all, and decides them under the corpus's policy. Scores and verdicts count
 * until new ones take their place.
 */
export async function refilter(run: UpkeepRun): Promise<void> {
  const { context, upkeep } = run;
  const { db, retry } = context;
  const { corpusId, everything, dryRun } = upkeep;
  const space = await retryTransient(() => activeSpace(db, corpusId), retry);
  if (space === null || (await retryTransient(() => countImages(db, corpusId), retry)) === 0) return;
  const filter = filterOf(await retryTransient(() => context.inference.models(), retry));
  if (!filter) throw missing("no model that judges captions", "filter");
  const { fingerprint: filterFingerprint } = filter;
  if (!dryRun) await retryTransient(() => ensureActivePolicy(db, corpusId, filter), retry);
  await lookAtImages(run, async (images) => {
    const among = { imageIds: images.map(({ imageId }) => imageId), filterFingerprint, everything };
    const found = await retryTransient(() => countToScore(db, among), retry);
    const imageIds = found.map(({ imageId }) => imageId);
    return {
      plans: [{ spaceId: space.id, steps: ["filter"], imageIds }],
      steps: imageIds.map((imageId) => ({ imageId, step: "filter", spaceId: space.id })),
      counts: {
        imagesToFilter: found.length,
        captionsToFilter: found.reduce((sum, { captions }) => sum + captions, 0),
      },
      ...(everything && { alongside: (tx) => markScoresStale(tx, { imageIds, filterFingerprint }) }),
    };
  });
  if (dryRun) return;
  await doOpenedSteps(run, [["filter"]]);
  if (context.signal.aborted) return;
  // Captions that an earlier filter of the same fingerprint had scored are decided from their scores.
  const policy = await retryTransient(() => ensureActivePolicy(db, corpusId, filter), retry);
  await retryTransient(() => decideCaptions(db, { policyId: policy.id, imageIds: null }), retry);
}
