import { captionerOf, filterOf } from "@medley/capfilt";
import { SearchError } from "@medley/search";
import {
  activeSpace,
  findSpace,
  STEPS,
  type Step,
  updateOperation,
  type UpkeepStepCounts,
  upkeepStepCounts,
} from "@medley/storage";
import { allOrAbort } from "../all-or-abort.ts";
import { observeRegularly } from "../observe-regularly.ts";
import { retryTransient } from "../retry.ts";
import { planSpace } from "../spaces/space-plan.ts";
import { doSteps, type StepPlan } from "../steps/run-steps.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/** What one stage of an upkeep does before the next one begins. */
export type Stage = readonly Step[];

/** Does the steps that an upkeep has opened, stage by stage, with its progress in the operation once a second. What other workers do of them counts as well. */
export async function doOpenedSteps(run: UpkeepRun, stages: readonly Stage[]): Promise<void> {
  const { context, upkeep, listener } = run;
  const { db, signal, retry } = context;
  const { operationId } = upkeep;
  const report = async () => {
    const counts = countsOf(await upkeepStepCounts(db, operationId));
    listener.onProgress(counts);
    await updateOperation(db, { operationId, counts });
  };
  await retryTransient(report, retry);
  const observer = observeRegularly(report);
  try {
    for (const stage of stages) await doStage(run, stage);
  } finally {
    await observer.stop();
  }
  if (!signal.aborted) await retryTransient(report, retry);
}

async function doStage(run: UpkeepRun, stage: Stage): Promise<void> {
  const { context, upkeep } = run;
  const openNow = async () => {
    const counts = await retryTransient(() => upkeepStepCounts(context.db, upkeep.operationId), context.retry);
    return counts.filter(({ step, pending, leased }) => stage.includes(step) && pending + leased > 0);
  };
  for (let open = await openNow(); open.length > 0 && !context.signal.aborted; open = await openNow()) {
    const plans = await plansOf(run, open, stage);
    const failure = new AbortController();
    const inner = { ...context, signal: AbortSignal.any([context.signal, failure.signal]) };
    const spaces = plans.map(({ spaceId }) => spaceId);
    const ofPlans = ({ spaceId }: UpkeepStepCounts) => spaceId === null || spaces.includes(spaceId);
    // Steps that went along with a corpus into another space are in no plan of this round any more.
    const until = async () => !(await openNow()).some(ofPlans);
    await allOrAbort(
      failure,
      plans.map((plan) => doSteps(inner, plan, stage, { until, onResults: () => {} })),
    );
  }
}

/** How the open steps are done: in each space that they belong to by the model that built it, and in the one that answers what belongs to none. */
async function plansOf(
  { context, upkeep }: UpkeepRun,
  open: readonly UpkeepStepCounts[],
  stage: Stage,
): Promise<StepPlan[]> {
  const { db, retry, inference } = context;
  const active = await retryTransient(() => activeSpace(db, upkeep.corpusId), retry);
  const spaceIds = new Set(open.flatMap(({ spaceId }) => spaceId ?? active?.id ?? []));
  const models = await retryTransient(() => inference.models(), retry);
  const [captioner, filter] = [captionerOf(models), filterOf(models)];
  if (stage.includes("caption") && !captioner) throw missing("no captioner", "captioner");
  if (stage.includes("filter") && !filter) throw missing("no model that judges captions", "filter");
  const plans: StepPlan[] = [];
  for (const spaceId of spaceIds) {
    const space = await retryTransient(() => findSpace(db, spaceId), retry);
    const plan = space && (await planSpace(context, upkeep.corpusId, space));
    if (!plan) throw new SearchError("MODEL_MISSING", `No model is served for the space of "${space?.name}".`);
    plans.push({ ...plan, ...(captioner && { captioner }), ...(filter && { filter }) });
  }
  return plans;
}

export function missing(what: string, role: string): SearchError {
  return new SearchError("MODEL_MISSING", `The model set has ${what}. Add a checkpoint with the role "${role}".`);
}

/** What rate and time left are computed from, beside the counts of each step. */
function countsOf(steps: readonly UpkeepStepCounts[]): Record<string, number> {
  const sum = (rows: readonly UpkeepStepCounts[], of: (row: UpkeepStepCounts) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  const counts: Record<string, number> = {
    stepsEnded: sum(steps, ({ done, failed, excluded }) => done + failed + excluded),
    stepsTotal: sum(steps, ({ total }) => total),
    scanned: 1,
  };
  for (const step of STEPS) {
    const rows = steps.filter((row) => row.step === step);
    if (rows.length === 0) continue;
    counts[`${step}Done`] = sum(rows, ({ done }) => done);
    counts[`${step}Failed`] = sum(rows, ({ failed }) => failed);
    counts[`${step}Excluded`] = sum(rows, ({ excluded }) => excluded);
    counts[`${step}Open`] = sum(rows, ({ pending, leased }) => pending + leased);
  }
  return counts;
}
