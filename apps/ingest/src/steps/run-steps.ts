import type { ModelInfo } from "@medley/inference-api";
import type { ModelInputTarget } from "@medley/media";
import {
  type Claim,
  claimSteps,
  type ClaimedStep,
  extendLeases,
  findImages,
  releaseLeases,
  type Step,
  stepCounts,
  StorageError,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { allOrAbort } from "../all-or-abort.ts";
import { createLeases, type Leases } from "../leases.ts";
import { retryTransient } from "../retry.ts";
import { describeResults, traceBatch } from "../trace-work.ts";
import { captionImages } from "./caption.ts";
import { embedImages } from "./embed.ts";
import { embedOwnTexts } from "./embed-texts.ts";
import { filterCaptions } from "./filter.ts";
import { prepareImages, type StepResult } from "./prepare.ts";

/** Which work is to be done for a corpus, and with which models. */
export interface StepPlan {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly retrieval: ModelInfo;
  /** What the retrieval model takes. */
  readonly modelInput: ModelInputTarget;
  /** Absent: no captions are written. */
  readonly captioner?: ModelInfo;
  /** Absent: no captions are judged. */
  readonly filter?: ModelInfo;
}

export interface RunStepsOptions {
  /** Resolves when no more pictures will be registered in this run. */
  readonly registered: Promise<void>;
  readonly onResults: (step: Step, results: readonly StepResult[]) => void;
  /** Runs once when every picture is embedded (or has failed), before the captions. */
  readonly onEmbedded: () => Promise<void>;
}

const POLL_MS = 250;

/** How many batches of a step run at once, and how large: two keep the models busy while results are saved. */
const BATCHES = {
  prepare: { workers: 1, images: 8 },
  embed: { workers: 2, images: 16 },
  "caption-embed": { workers: 1, images: 64 },
  caption: { workers: 2, images: 4 },
  filter: { workers: 2, images: 8 },
} as const satisfies Record<Step, { workers: number; images: number }>;

/** One batch in so many takes the lowest priority first, so that an import goes on however many uploads come. */
const LOWEST_FIRST_EVERY = 8;
/** How soon a picture that came after its stage is taken up. */
const ASSIST_POLL_MS = 1_000;

/**
 * Does all open steps of the corpus: claims batches by lease, so that any number of processes may run this at once and the
 * steps of a killed one come back by themselves. Captions follow when all pictures are embedded, so search works early. Pictures that come
 * later, from another process, are taken up meanwhile: their captions are open already and could never begin otherwise.
 */
export async function runSteps(outer: IngestContext, plan: StepPlan, options: RunStepsOptions): Promise<void> {
  const failure = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, failure.signal]) };
  const leases = leaseSteps(context);
  const run = (step: Step, upstream: Upstream) =>
    Array.from({ length: BATCHES[step].workers }, () => work(context, leases, plan, step, upstream, options));
  const steps: Step[] = ["prepare", "embed", "caption-embed"];
  const laterSteps: Step[] = [
    ...(plan.captioner ? ["caption" as const] : []),
    ...(plan.filter ? ["filter" as const] : []),
  ];
  try {
    for (let registered = trackEnd(options.registered); ; registered = ENDED) {
      const preparation = allOrAbort(failure, run("prepare", registered));
      const prepared = trackEnd(preparation);
      await allOrAbort(failure, [preparation, ...run("embed", prepared), ...run("caption-embed", prepared)]);
      if (context.signal.aborted) return;
      await options.onEmbedded();
      for (const [index, step] of laterSteps.entries()) {
        const stage = allOrAbort(failure, run(step, ENDED));
        const earlier = [...steps, ...laterSteps.slice(0, index)];
        await allOrAbort(failure, [
          stage,
          ...earlier.map((each) => assist(context, leases, plan, each, stage, options)),
        ]);
      }
      // What was opened again while the last stage ended, such as the texts of a picture that gained one.
      if (context.signal.aborted || (await areDrained(context, plan, [...steps, ...laterSteps]))) return;
    }
  } finally {
    await leases.end();
  }
}

/**
 * Fills a space alone: prepares and embeds pictures, and embeds the texts beside them, until nothing of that is open. What other workers have in hand
 * is waited for.
 */
export async function fillSpace(
  outer: IngestContext,
  plan: StepPlan,
  onResults: RunStepsOptions["onResults"],
): Promise<void> {
  const failure = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, failure.signal]) };
  const leases = leaseSteps(context);
  const run = (step: Step, upstream: Upstream) =>
    Array.from({ length: BATCHES[step].workers }, () => work(context, leases, plan, step, upstream, { onResults }));
  try {
    const preparation = allOrAbort(failure, run("prepare", ENDED));
    const prepared = trackEnd(preparation);
    await allOrAbort(failure, [preparation, ...run("embed", prepared), ...run("caption-embed", prepared)]);
  } finally {
    await leases.end();
  }
}

/**
 * Does what is open of these steps until `until` says that it is enough, which it is asked again and again: other workers may do some of it, and what is
 * opened meanwhile is taken up as well.
 */
export async function doSteps(
  outer: IngestContext,
  plan: StepPlan,
  steps: readonly Step[],
  { until, onResults }: Pick<RunStepsOptions, "onResults"> & { readonly until: () => Promise<boolean> },
): Promise<void> {
  const failure = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, failure.signal]) };
  const leases = leaseSteps(context);
  const stage = waitUntil(context, until);
  const workers = steps.flatMap((step) =>
    Array.from({ length: BATCHES[step].workers }, () => assist(context, leases, plan, step, stage, { onResults })),
  );
  try {
    await allOrAbort(failure, [stage, ...workers]);
  } finally {
    await leases.end();
  }
}

async function waitUntil({ signal, retry }: IngestContext, until: () => Promise<boolean>): Promise<void> {
  while (!signal.aborted && !(await until())) await retry.sleep(POLL_MS, signal);
}

type StepClaim = Omit<Claim, "leaseMs" | "owner">;
type StepLeases = Leases<StepClaim, ClaimedStep>;

function leaseSteps(context: IngestContext): StepLeases {
  const { db } = context;
  return createLeases<StepClaim, ClaimedStep>(context, {
    claim: (claim) => claimSteps(db, claim),
    extend: (held) => extendLeases(db, held),
    release: (held) => releaseLeases(db, held),
  });
}

/** Says whether more steps may still become ready from what comes before. */
interface Upstream {
  readonly ended: () => boolean;
}

const ENDED: Upstream = { ended: () => true };

async function work(
  context: IngestContext,
  leases: StepLeases,
  plan: StepPlan,
  step: Step,
  upstream: Upstream,
  options: Pick<RunStepsOptions, "onResults">,
): Promise<void> {
  for (let turn = 1; !context.signal.aborted; turn += 1) {
    // Asked before claiming: what became ready in between is then found by this very claim.
    const last = upstream.ended();
    const did = await leases.withBatch(batchOf(plan, step, turn), ({ claimed }) =>
      runBatch(context, plan, step, claimed, options),
    );
    if (did) continue;
    if (last && (await areDrained(context, plan, [step]))) return;
    await context.retry.sleep(POLL_MS, context.signal);
  }
}

/** Takes up what becomes ready of an earlier step until the stage is over. */
async function assist(
  context: IngestContext,
  leases: StepLeases,
  plan: StepPlan,
  step: Step,
  stage: Promise<void>,
  options: Pick<RunStepsOptions, "onResults">,
): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  stage.then(end, end);
  const signal = AbortSignal.any([context.signal, over.signal]);
  for (let turn = 1; !signal.aborted; turn += 1) {
    const did = await leases.withBatch(batchOf(plan, step, turn), ({ claimed }) =>
      runBatch(context, plan, step, claimed, options),
    );
    if (!did) await context.retry.sleep(ASSIST_POLL_MS, signal);
  }
}

function runBatch(
  context: IngestContext,
  plan: StepPlan,
  step: Step,
  claimed: readonly ClaimedStep[],
  { onResults }: Pick<RunStepsOptions, "onResults">,
): Promise<void> {
  const batch = { step, corpusId: plan.corpusId, images: claimed.length };
  return traceBatch(context, batch, async (span) => {
    const results = await runStepOfExisting(context, plan, step, claimed);
    describeResults(span, results);
    onResults(step, results);
  });
}

function batchOf(plan: StepPlan, step: Step, turn: number): StepClaim {
  return {
    corpusId: plan.corpusId,
    step,
    spaceId: step === "prepare" ? null : plan.spaceId,
    limit: BATCHES[step].images,
    first: turn % LOWEST_FIRST_EVERY === 0 ? "lowest" : "highest",
  };
}

/** Pictures may be deleted while they are worked on; what was made of the others of their batch is not lost for it. */
async function runStepOfExisting(
  context: IngestContext,
  plan: StepPlan,
  step: Step,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  try {
    return await runStep(context, plan, step, claimed);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "NOT_FOUND") throw error;
    const found = await findImages(
      context.db,
      claimed.map(({ imageId }) => imageId),
    );
    const rest = claimed.filter(({ imageId }) => found.some(({ id }) => id === imageId));
    if (rest.length === claimed.length) throw error;
    return rest.length === 0 ? [] : await runStepOfExisting(context, plan, step, rest);
  }
}

function runStep(
  context: IngestContext,
  plan: StepPlan,
  step: Step,
  claimed: readonly ClaimedStep[],
): Promise<StepResult[]> {
  switch (step) {
    case "prepare":
      return retryTransient(() => prepareImages(context, claimed), context.retry);
    case "embed":
      return embedImages(context, plan, claimed);
    case "caption-embed":
      return embedOwnTexts(context, plan, claimed);
    case "caption":
      if (!plan.captioner) throw new Error("Bug: captions were claimed without a captioner");
      return captionImages(context, { ...plan, captioner: plan.captioner }, claimed);
    case "filter":
      if (!plan.filter) throw new Error("Bug: captions were to be judged without a filter");
      return filterCaptions(context, { ...plan, filter: plan.filter }, claimed);
  }
}

/** Steps that another process holds, and those that wait for another try, are waited for. */
async function areDrained(context: IngestContext, plan: StepPlan, steps: readonly Step[]): Promise<boolean> {
  const counts = await retryTransient(() => stepCounts(context.db, plan.corpusId, plan.spaceId), context.retry);
  return steps.every((step) => counts[step].pending + counts[step].leased === 0);
}

function trackEnd(work: Promise<void>): Upstream {
  let ended = false;
  const end = () => {
    ended = true;
  };
  work.then(end, end);
  return { ended: () => ended };
}
