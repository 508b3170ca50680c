import { beginCaptionsAnew, captionerOf, confirmationBias, ensureActivePolicy, filterOf } from "@medley/capfilt";
import type { ModelInfo } from "@medley/inference-api";
import { activeSpace, countImages, saveUpkeep, type Step, updateOperation } from "@medley/storage";
import { FIRST_RUN } from "../plan-captions.ts";
import { retryTransient } from "../retry.ts";
import { doOpenedSteps, missing } from "./do-opened-steps.ts";
import { lookAtImages } from "./look-at-images.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/**
 * Has the captioner write about every picture that is meant anew, in a run of its own with the settings of the one before, and the filter judge that. What
 * captioners wrote about a picture before counts until there is something new about it.
 */
export async function recaption(run: UpkeepRun): Promise<void> {
  const { context, upkeep, listener } = run;
  const { db, retry } = context;
  const { corpusId } = upkeep;
  const space = await retryTransient(() => activeSpace(db, corpusId), retry);
  if (space === null || (await retryTransient(() => countImages(db, corpusId), retry)) === 0) return;
  const models = await retryTransient(() => context.inference.models(), retry);
  const captioner = captionerOf(models);
  const filter = filterOf(models);
  if (!captioner) throw missing("no captioner", "captioner");
  if (!upkeep.dryRun) {
    if (upkeep.captionRunId === null) await beginRun(run, captioner);
    if (filter) await retryTransient(() => ensureActivePolicy(db, corpusId, filter), retry);
    const bias = filter && confirmationBias(captioner, filter);
    if (bias) listener.onNote(bias);
  }
  const steps: readonly Step[] = filter ? ["caption", "filter"] : ["caption"];
  await lookAtImages(run, async (images) => {
    const imageIds = images.map(({ imageId }) => imageId);
    return {
      plans: [{ spaceId: space.id, steps, imageIds }],
      steps: imageIds.flatMap((imageId) => steps.map((step) => ({ imageId, step, spaceId: space.id }))),
      counts: { imagesToCaption: images.length },
    };
  });
  if (!upkeep.dryRun) await doOpenedSteps(run, [["caption"], ["filter"]]);
}

/** Once, however often a worker is killed: the run and that it was begun are one transaction. */
async function beginRun({ context, upkeep }: UpkeepRun, captioner: ModelInfo): Promise<void> {
  const { operationId, corpusId } = upkeep;
  await retryTransient(
    () =>
      context.db.transaction(async (tx) => {
        if ((await updateOperation(tx, { operationId })).finishedAt !== null) return;
        const { id: captionRunId } = await beginCaptionsAnew(tx, corpusId, captioner, FIRST_RUN);
        await saveUpkeep(tx, { operationId, captionRunId });
      }),
    context.retry,
  );
}
