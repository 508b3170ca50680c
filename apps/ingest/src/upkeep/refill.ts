import { activeCaptionRun, activeFilterPolicy, activeSpace, countImages, spacesOf, type Step } from "@medley/storage";
import { planCaptions } from "../plan-captions.ts";
import { retryTransient } from "../retry.ts";
import { planSpace } from "../spaces/space-plan.ts";
import type { StepPlan } from "../steps/run-steps.ts";
import { doOpenedSteps } from "./do-opened-steps.ts";
import { createMissingFinder } from "./find-missing.ts";
import { lookAtImages } from "./look-at-images.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/** Finds steps that were never planned, and those that are done while what they made is gone, and does them. */
export async function refill(run: UpkeepRun): Promise<void> {
  const { context, upkeep, listener } = run;
  const { db, retry } = context;
  const { corpusId } = upkeep;
  const active = await retryTransient(() => activeSpace(db, corpusId), retry);
  if (active === null || (await retryTransient(() => countImages(db, corpusId), retry)) === 0) return;
  const plans = await plansOfSpaces(run);
  const ofCorpus = await stepsOfCaptions(run);
  const find = createMissingFinder(context, { plans, activeSpaceId: active.id, ofCorpus, onNote: listener.onNote });
  await lookAtImages(run, find);
  if (upkeep.dryRun || context.signal.aborted) return;
  if (ofCorpus.length > 0) {
    const models = await retryTransient(() => context.inference.models(), retry);
    await retryTransient(() => planCaptions(context, corpusId, models, listener), retry);
  }
  await doOpenedSteps(run, [["prepare", "embed", "caption-embed"], ["caption"], ["filter"]]);
}

/** Of every space that is written to and whose model is served. */
async function plansOfSpaces({ context, upkeep, listener }: UpkeepRun): Promise<StepPlan[]> {
  const spaces = await retryTransient(() => spacesOf(context.db, upkeep.corpusId), context.retry);
  const plans: StepPlan[] = [];
  for (const space of spaces.filter(({ state }) => state !== "RETIRED")) {
    const plan = await planSpace(context, upkeep.corpusId, space);
    if (plan) plans.push(plan);
    else
      listener.onNote(`No model is served for the space of "${space.name}": nobody looks for what is missing there.`);
  }
  return plans;
}

/** Captions and verdicts are planned only in a corpus that wants them. */
async function stepsOfCaptions({ context, upkeep }: UpkeepRun): Promise<Step[]> {
  const { db, retry } = context;
  const run = await retryTransient(() => activeCaptionRun(db, upkeep.corpusId), retry);
  const policy = await retryTransient(() => activeFilterPolicy(db, upkeep.corpusId), retry);
  return [...(run ? (["caption"] as const) : []), ...(policy ? (["filter"] as const) : [])];
}
