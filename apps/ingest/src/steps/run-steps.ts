import type { ModelInfo } from "@medley/inference-api";
import {
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
import { retryTransient } from "../retry.ts";
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

/** After a kill -9 the steps of the dead worker wait this long; a living one renews its leases three times in between. */
const LEASE_MS = 20_000;
const RENEW_MS = 6_000;
const POLL_MS = 250;

/** How many batches of a step run at once, and how large: two keep the models busy while results are saved. */
const BATCHES = {
  prepare: { workers: 1, images: 8 },
  embed: { workers: 2, images: 16 },
  "caption-embed": { workers: 1, images: 64 },
  caption: { workers: 2, images: 4 },
  filter: { workers: 2, images: 8 },
} as const satisfies Record<Step, { workers: number; images: number }>;

/**
 * Does all open steps of the corpus: claims batches by lease, so that any number of processes may run this at once and the
 * steps of a killed one come back by themselves. Captions follow when all pictures are embedded, so search works early.
 */
export async function runSteps(outer: IngestContext, plan: StepPlan, options: RunStepsOptions): Promise<void> {
  const failure = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, failure.signal]) };
  const renewal = setInterval(() => {
    extendLeases(context.db, { owner: context.owner, leaseMs: LEASE_MS }).catch(() => {});
  }, RENEW_MS);
  const run = (step: Step, upstream: Upstream) =>
    Array.from({ length: BATCHES[step].workers }, () => work(context, plan, step, upstream, options));
  try {
    const preparation = allOrAbort(failure, run("prepare", trackEnd(options.registered)));
    const prepared = trackEnd(preparation);
    const embedding = [...run("embed", prepared), ...run("caption-embed", prepared)];
    await allOrAbort(failure, [preparation, ...embedding]);
    if (context.signal.aborted) return;
    await options.onEmbedded();
    const ended = { ended: () => true };
    if (plan.captioner) await allOrAbort(failure, run("caption", ended));
    if (plan.filter) await allOrAbort(failure, run("filter", ended));
  } finally {
    clearInterval(renewal);
    await releaseLeases(context.db, { owner: context.owner }).catch(() => {});
  }
}

/** Says whether more steps may still become ready from what comes before. */
interface Upstream {
  readonly ended: () => boolean;
}

async function work(
  context: IngestContext,
  plan: StepPlan,
  step: Step,
  upstream: Upstream,
  options: RunStepsOptions,
): Promise<void> {
  while (!context.signal.aborted) {
    // Asked before claiming: what became ready in between is then found by this very claim.
    const last = upstream.ended();
    const claimed = await retryTransient(() => claim(context, plan, step), context.retry);
    if (claimed.length > 0) {
      options.onResults(step, await runStepOfExisting(context, plan, step, claimed));
    } else if (last && (await isDrained(context, plan, step))) {
      return;
    } else {
      await context.retry.sleep(POLL_MS, context.signal);
    }
  }
}

function claim(context: IngestContext, plan: StepPlan, step: Step): Promise<ClaimedStep[]> {
  return claimSteps(context.db, {
    corpusId: plan.corpusId,
    step,
    spaceId: step === "prepare" ? null : plan.spaceId,
    limit: BATCHES[step].images,
    leaseMs: LEASE_MS,
    owner: context.owner,
  });
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
async function isDrained(context: IngestContext, plan: StepPlan, step: Step): Promise<boolean> {
  const counts = await retryTransient(() => stepCounts(context.db, plan.corpusId, plan.spaceId), context.retry);
  return counts[step].pending + counts[step].leased === 0;
}

function trackEnd(work: Promise<void>): Upstream {
  let ended = false;
  const end = () => {
    ended = true;
  };
  work.then(end, end);
  return { ended: () => ended };
}
