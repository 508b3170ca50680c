import { CapFiltError } from "@medley/capfilt";
import { SearchError } from "@medley/search";
import {
  claimUpkeep,
  excludeUpkeepSteps,
  findOperation,
  forgetUpkeepSteps,
  releaseUpkeep,
  StorageError,
  type Upkeep,
  type UpkeepKind,
  updateOperation,
} from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { IngestError } from "../ingest-error.ts";
import { observeRegularly } from "../observe-regularly.ts";
import { isTransient, retryTransient } from "../retry.ts";
import { isAbort } from "../spaces/run-reindex.ts";
import { rebuildIndex } from "./rebuild-index.ts";
import { recaption } from "./recaption.ts";
import { refill } from "./refill.ts";
import { refilter } from "./refilter.ts";

/** LEFT: somebody cancelled it, paused the corpus or stopped this process; nothing is lost, and another worker may go on. */
export type UpkeepOutcome = "DONE" | "FAILED" | "LEFT";

export interface UpkeepListener {
  readonly onProgress: (counts: Readonly<Record<string, number>>) => void;
  /** Something that a person should know and that is no error. */
  readonly onNote: (note: string) => void;
}

/** What every kind of upkeep works with. */
export interface UpkeepRun {
  readonly context: IngestContext;
  readonly upkeep: Upkeep;
  readonly listener: UpkeepListener;
}

const LEASE_MS = 20_000;

const WORK: Readonly<Record<UpkeepKind, (run: UpkeepRun) => Promise<void>>> = {
  REBUILD_INDEX: rebuildIndex,
  REFILL: refill,
  RECAPTION: recaption,
  REFILTER: refilter,
};

/**
 * Does an open upkeep of a corpus, the oldest unless one is named, as far as it is not in another worker's hands. Killed anywhere it goes on in another
 * process. Null when there is nothing to do.
 */
export async function runUpkeep(
  outer: IngestContext,
  { corpusId, operationId }: { readonly corpusId: string; readonly operationId?: string },
  listener: UpkeepListener,
): Promise<UpkeepOutcome | null> {
  const worker = `${outer.owner}/upkeep`;
  const claim = (named: string | undefined) =>
    claimUpkeep(outer.db, { corpusId, worker, leaseMs: outer.leaseMs ?? LEASE_MS, operationId: named });
  const upkeep = await retryTransient(() => claim(operationId), outer.retry);
  if (upkeep === null) return null;
  const stop = new AbortController();
  const signal = AbortSignal.any([outer.signal, stop.signal]);
  const context = { ...outer, signal, retry: { ...outer.retry, signal } };
  // Keeps the claim. It is gone when somebody cancelled or paused, or took over after this process slept for too long.
  const watch = observeRegularly(async () => {
    if ((await claim(upkeep.operationId)) === null) stop.abort();
  });
  try {
    return await keepUp({ context, upkeep, listener });
  } catch (error) {
    if (signal.aborted && (error instanceof StorageError || isTransient(error) || isAbort(error))) return "LEFT";
    await fail(outer, upkeep, error);
    listener.onNote(error instanceof Error ? error.message : String(error));
    return "FAILED";
  } finally {
    await watch.stop();
    await tidyUp(outer, upkeep).catch(() => {});
    await releaseUpkeep(outer.db, { worker }).catch(() => {});
  }
}

async function keepUp(run: UpkeepRun): Promise<UpkeepOutcome> {
  const { context, upkeep } = run;
  const { operationId } = upkeep;
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, context.retry);
  const counts = { stepsAtStart: 0, stepsEnded: 0, stepsTotal: 0, scanned: 0 };
  const begun = await persist(() => findOperation(context.db, operationId));
  const start = { operationId, state: "RUNNING", ...(begun?.state === "QUEUED" && { counts }) } as const;
  await persist(() => updateOperation(context.db, start));
  await WORK[upkeep.kind](run);
  if (context.signal.aborted) return "LEFT";
  const ended = await persist(() => updateOperation(context.db, { operationId, state: "SUCCEEDED" }));
  return ended.state === "SUCCEEDED" ? "DONE" : "LEFT";
}

async function fail({ db }: IngestContext, { operationId }: Upkeep, error: unknown): Promise<void> {
  const named =
    error instanceof SearchError ||
    error instanceof CapFiltError ||
    error instanceof IngestError ||
    error instanceof StorageError;
  const errorMessage = error instanceof Error ? error.message : String(error);
  const end = { operationId, state: "FAILED", errorCode: named ? error.code : "FAILED", errorMessage } as const;
  await updateOperation(db, end).catch(() => {});
}

/** Once it has ended: what this worker gave back after somebody cancelled is out of the work as well, and nobody asks for its steps any more. */
async function tidyUp({ db }: IngestContext, { operationId }: Upkeep): Promise<void> {
  const operation = await findOperation(db, operationId);
  if (operation === null || operation.finishedAt === null) return;
  if (operation.state === "CANCELLED") await excludeUpkeepSteps(db, operationId);
  await forgetUpkeepSteps(db, operationId);
}
