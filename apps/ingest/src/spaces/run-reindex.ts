import { calibrateSearch, compareSpaces, type Objection, SearchError, type SpaceComparison } from "@medley/search";
import {
  claimReindex,
  findSpace,
  newestCalibration,
  planSteps,
  type Queryable,
  type Reindex,
  releaseReindex,
  saveComparison,
  STEPS_OF_SPACES,
  stepCounts,
  switchSpace,
  updateOperation,
} from "@medley/storage";
import { indexLargeSpace } from "../index-large-space.ts";
import type { IngestContext } from "../ingest-context.ts";
import { OBSERVE_MS, observeRegularly } from "../observe-regularly.ts";
import { isTransient, retryTransient } from "../retry.ts";
import { fillSpace, type StepPlan } from "../steps/run-steps.ts";
import { openRun } from "../trace-work.ts";
import { planSpace } from "./space-plan.ts";

/**
 * DONE: the corpus is searched in the new space. REFUSED: the comparison speaks against it. LEFT: somebody cancelled it, paused the corpus or stopped this
 * process; nothing is lost, and another worker may go on.
 */
export type ReindexOutcome = "DONE" | "REFUSED" | "FAILED" | "LEFT";

export interface ReindexListener {
  readonly onProgress: (counts: Readonly<Record<string, number>>) => void;
  readonly onNote: (note: string) => void;
}

const LEASE_MS = 20_000;
/** Drawn for the comparison: with 150 a difference of ten points shows. Each costs two short searches. */
const QUERIES = 150;
const CALIBRATION_IMAGES = 200;
const SEED = 0;
/** After so many rounds in which new pictures kept coming, a few may be on their way while the corpus is switched; they follow within seconds. */
const ROUNDS = 5;
const MAY_MISS_AT_LAST = 64;

/**
 * Does the open reindex of a corpus, as far as it is not in another worker's hands: fills the space, builds its index, calibrates it, compares both and
 * switches. Killed anywhere it goes on in another process. Null when there is nothing to do.
 */
export async function runReindex(
  outer: IngestContext,
  { corpusId }: { readonly corpusId: string },
  listener: ReindexListener,
): Promise<ReindexOutcome | null> {
  const worker = `${outer.owner}/reindex`;
  const claim = () => claimReindex(outer.db, { corpusId, worker, leaseMs: outer.leaseMs ?? LEASE_MS });
  const reindex = await retryTransient(claim, outer.retry);
  if (reindex === null) return null;
  const stop = new AbortController();
  const signal = AbortSignal.any([outer.signal, stop.signal]);
  const run = openRun("reindex", { corpusId, operationId: reindex.operationId });
  const context = { ...outer, signal, retry: { ...outer.retry, signal }, run: () => run };
  // Keeps the claim. It is gone when somebody cancelled or paused, or took over after this process slept for too long.
  const watch = observeRegularly(async () => {
    if ((await claim()) === null) stop.abort();
  });
  try {
    return await moveCorpus(context, reindex, listener);
  } catch (error) {
    if (signal.aborted && (isTransient(error) || isAbort(error))) return "LEFT";
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof SearchError ? error.code : "FAILED";
    const end = { operationId: reindex.operationId, state: "FAILED", errorCode: code, errorMessage: message } as const;
    await updateOperation(outer.db, end).catch(() => {});
    listener.onNote(message);
    run?.fail(code);
    return "FAILED";
  } finally {
    run?.end();
    await watch.stop();
    await releaseReindex(outer.db, { worker }).catch(() => {});
  }
}

async function moveCorpus(
  context: IngestContext,
  reindex: Reindex,
  listener: ReindexListener,
): Promise<ReindexOutcome> {
  const { db, signal } = context;
  const { operationId, spaceId, forced } = reindex;
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, context.retry);
  const plan = await planOfReindex(context, reindex);
  const counts = () => countsOf(context, plan);
  const { stepsEnded } = await persist(counts);
  const start = { operationId, state: "RUNNING", counts: { stepsAtStart: stepsEnded, scanned: 1 } } as const;
  await persist(() => updateOperation(db, start));
  for (let round = 1; ; round += 1) {
    await fill(context, plan, operationId, listener);
    if (signal.aborted) return "LEFT";
    await persist(() => indexLargeSpace(context, spaceId, listener.onNote));
    const comparison = await compare(context, reindex, listener);
    await persist(() => saveComparison(db, { operationId, comparison }));
    if (comparison.objections.length > 0 && !forced) {
      return await refuse(context, operationId, comparison.objections, listener);
    }
    await calibrateLikeBefore(context, reindex, listener);
    if (signal.aborted) return "LEFT";
    const mayMiss = mayMissIn(round, forced, comparison);
    const last = await persist(counts);
    const result = await persist(() => db.transaction((tx) => finish(tx, reindex, { mayMiss, counts: last })));
    if (result === "CANCELLED") return "LEFT";
    if (result === "BEHIND") {
      listener.onNote("Pictures came in meanwhile; they follow before the corpus is switched.");
      continue;
    }
    listener.onNote(`The corpus is now searched in the space of "${plan.retrieval.name}". The one before stands by.`);
    return "DONE";
  }
}

/** The switch and the end of the operation at once. The operation first, as who cancels it does, so that neither waits for the other. */
async function finish(
  tx: Queryable,
  reindex: Reindex,
  { mayMiss, counts }: { readonly mayMiss: number; readonly counts: Readonly<Record<string, number>> },
): Promise<"SWITCHED" | "BEHIND" | "CANCELLED"> {
  const { operationId } = reindex;
  const { finishedAt } = await updateOperation(tx, { operationId, counts });
  if (finishedAt !== null) return "CANCELLED";
  const { switched } = await switchSpace(tx, { ...reindex, mayMiss });
  if (!switched) return "BEHIND";
  await updateOperation(tx, { operationId, state: "SUCCEEDED" });
  return "SWITCHED";
}

async function planOfReindex(context: IngestContext, { corpusId, spaceId }: Reindex): Promise<StepPlan> {
  const space = await retryTransient(() => findSpace(context.db, spaceId), context.retry);
  const plan = space && (await planSpace(context, corpusId, space));
  if (plan) return plan;
  const hint = "Register it again: medley reindex --model DIR --corpus NAME";
  throw new SearchError("MODEL_MISSING", `No model is served for the space of "${space?.name}". ${hint}`);
}

/** With its progress in the operation, once a second. */
async function fill(
  context: IngestContext,
  plan: StepPlan,
  operationId: string,
  listener: ReindexListener,
): Promise<void> {
  const { corpusId, spaceId } = plan;
  const { db, retry } = context;
  await retryTransient(() => planSteps(db, { corpusId, spaceId, steps: STEPS_OF_SPACES }), retry);
  const report = async () => {
    const counts = await countsOf(context, plan);
    listener.onProgress(counts);
    await updateOperation(db, { operationId, counts });
  };
  const observer = observeRegularly(report);
  try {
    await fillSpace(context, plan, () => {});
  } finally {
    await observer.stop();
  }
  await retryTransient(report, retry);
}

/** What rate and time left are computed from, beside the counts of each step. */
async function countsOf({ db }: IngestContext, { corpusId, spaceId }: StepPlan) {
  const steps = await stepCounts(db, corpusId, spaceId);
  const ofSteps = STEPS_OF_SPACES.flatMap((step): [string, number][] => [
    [`${step}Done`, steps[step].done],
    [`${step}Failed`, steps[step].failed],
    [`${step}Open`, steps[step].pending + steps[step].leased],
  ]);
  const sum = (of: (step: (typeof STEPS_OF_SPACES)[number]) => number) =>
    STEPS_OF_SPACES.reduce((total, step) => total + of(step), 0);
  const stepsEnded = sum((step) => steps[step].done + steps[step].failed + steps[step].excluded);
  return { ...Object.fromEntries(ofSteps), stepsEnded, stepsTotal: sum((step) => steps[step].total) };
}

async function compare(context: IngestContext, reindex: Reindex, listener: ReindexListener): Promise<SpaceComparison> {
  const { db, signal } = context;
  const { operationId } = reindex;
  let told = 0;
  const onProgress = (asked: number): void => {
    if (Date.now() - told < OBSERVE_MS) return;
    told = Date.now();
    listener.onProgress({ queriesAsked: asked });
    updateOperation(db, { operationId, counts: { queriesAsked: asked } }).catch(() => {});
  };
  const request = { ...reindex, queries: QUERIES, seed: SEED, signal, onProgress };
  return await retryTransient(() => compareSpaces(context, request), context.retry);
}

async function refuse(
  { db, retry }: IngestContext,
  operationId: string,
  objections: readonly Objection[],
  listener: ReindexListener,
): Promise<ReindexOutcome> {
  const reasons = objections.map(({ message }) => message).join(" ");
  const errorMessage = `The new space does not answer: ${reasons} The corpus stays where it is; force the change to make it all the same.`;
  const end = { operationId, state: "FAILED", errorCode: "GATE_REFUSED", errorMessage } as const;
  await retryTransient(() => updateOperation(db, end), retry);
  listener.onNote(errorMessage);
  return "REFUSED";
}

/** Where searches give match probabilities, they go on doing so. */
async function calibrateLikeBefore(context: IngestContext, reindex: Reindex, listener: ReindexListener): Promise<void> {
  const { db, signal } = context;
  const { corpusId, spaceId, fromSpaceId } = reindex;
  const newest = (space: string) => newestCalibration(db, { corpusId, spaceId: space });
  if ((await newest(fromSpaceId)) === null || (await newest(spaceId)) !== null) return;
  const request = { corpusId, spaceId, images: CALIBRATION_IMAGES, seed: SEED, signal };
  try {
    await retryTransient(() => calibrateSearch(context, request), context.retry);
  } catch (error) {
    if (!(error instanceof SearchError)) throw error;
    listener.onNote(`Searches of the new space give no match probabilities. ${error.message}`);
  }
}

/** A forced change makes do with what the new space has; any other with nothing less than all, until new pictures never stop coming. */
function mayMissIn(round: number, forced: boolean, { coverage }: SpaceComparison): number {
  if (forced) return Number.MAX_SAFE_INTEGER;
  return round < ROUNDS ? 0 : coverage.missing + MAY_MISS_AT_LAST;
}

/** Whether a call ended because it was told to. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || ("code" in error && error.code === "CANCELLED"));
}
