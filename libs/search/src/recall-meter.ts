import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { type Database, searchEmbeddings, type VectorHit, type VectorSearch, type VectorSet } from "@medley/storage";
import { shareFound } from "./reindex/index-recall.ts";
import type { IndexMode } from "./report.ts";

/**
 * How much of what is truly nearest approximate searches find, measured on the searches that people make, filters included: now and then one of them is
 * repeated exactly in the background. Disposing waits for the check that runs; none begins afterwards.
 */
export interface RecallMeter extends AsyncDisposable {
  /** Mean share of the truly nearest pictures that the last searches which were checked had found, 0 to 1; null until one was checked. */
  estimateOf(set: VectorSet, mode: ApproximateMode): number | null;
  /** Tells what a search found; whether it is checked is the meter's choice. Never throws. */
  observe(search: VectorSearch, found: { readonly hits: readonly VectorHit[]; readonly mode: IndexMode }): void;
  /** Resolves when nothing is being checked or about to be. */
  settled(): Promise<void>;
}

/** Exact searches miss nothing, and are not checked. */
export type ApproximateMode = Exclude<IndexMode, "exact">;

export interface RecallMeterDependencies {
  readonly db: Database;
  readonly log?: (fields: object, message: string) => void;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
  /** How long a check waits, so that it does not stand before the rest of the search that it checks. */
  readonly delayMs?: number;
}

/** Checks that the mean is over: older ones are of a corpus that has changed since. */
const CHECKS_KEPT = 64;
/** Comparing every vector takes a core for a while: a check is followed by so many times its length without one. */
const REST_AFTER_CHECKS = 50;
const DELAY_MS = 1_000;
/** A check that takes longer is given up: it holds a connection, and the embedded database does nothing else meanwhile. */
const LONGEST_CHECK_MS = 2_000;
/** How long nothing of a set is checked after one that failed or took too long. */
const GIVE_UP_MS = 3_600_000;
/** Corpora, spaces and ways of searching that are remembered. */
const MOST_SETS = 1_000;

/** What is known of one way of searching a set of vectors. */
interface Checks {
  readonly shares: readonly number[];
  readonly notBefore: number;
}

const NO_CHECKS: Checks = { shares: [], notBefore: Number.NEGATIVE_INFINITY };

export function createRecallMeter(dependencies: RecallMeterDependencies): RecallMeter {
  const { db, log = () => {}, clock = () => performance.now(), delayMs = DELAY_MS } = dependencies;
  const known = new Map<string, Checks>();
  // A check is no part of the request that it began in, nor of its trace.
  const outsideOfRequests = AsyncLocalStorage.snapshot();
  const closed = new AbortController();
  let checking: Promise<void> | null = null;
  let restUntil = Number.NEGATIVE_INFINITY;

  function remember(key: string, checks: Checks): void {
    known.delete(key);
    known.set(key, checks);
    const [oldest] = known.keys();
    if (known.size > MOST_SETS && oldest !== undefined) known.delete(oldest);
  }

  async function check(search: VectorSearch, hits: readonly VectorHit[], key: string): Promise<void> {
    await wait(delayMs, undefined, { signal: closed.signal, ref: false }).catch(() => {});
    if (closed.signal.aborted) return;
    const startedAt = clock();
    const { shares } = known.get(key) ?? NO_CHECKS;
    let share: number | null = null;
    try {
      share = shareFound(hits, await searchExactly(db, search));
    } catch (error) {
      log({ err: error, corpusId: search.corpusId }, "recall not estimated: the exact search failed or took too long");
    }
    const took = clock() - startedAt;
    restUntil = clock() + REST_AFTER_CHECKS * took;
    const isTooMuch = share === null || took > LONGEST_CHECK_MS;
    remember(key, {
      shares: share === null ? shares : [...shares, share].slice(-CHECKS_KEPT),
      notBefore: isTooMuch ? clock() + GIVE_UP_MS : NO_CHECKS.notBefore,
    });
  }

  async function settled(): Promise<void> {
    await checking;
  }

  return {
    estimateOf(set, mode) {
      const { shares } = known.get(keyOf(set, mode)) ?? NO_CHECKS;
      return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length;
    },
    observe(search, { hits, mode }) {
      if (mode === "exact" || checking !== null || closed.signal.aborted) return;
      const now = clock();
      const key = keyOf(search, mode);
      if (now < restUntil || now < (known.get(key) ?? NO_CHECKS).notBefore) return;
      checking = outsideOfRequests(() => check(search, hits, key)).finally(() => {
        checking = null;
      });
    },
    settled,
    async [Symbol.asyncDispose]() {
      closed.abort();
      await settled();
    },
  };
}

function keyOf({ corpusId, spaceId }: VectorSet, mode: ApproximateMode): string {
  return `${corpusId}/${spaceId}/${mode}`;
}

/** Gives up after LONGEST_CHECK_MS where the database can. */
function searchExactly(db: Database, { size: _size, ...search }: VectorSearch): Promise<readonly VectorHit[]> {
  return db.transaction(async (tx) => {
    await tx.query(`set local statement_timeout = ${LONGEST_CHECK_MS}`);
    return (await searchEmbeddings(tx, { ...search, mode: "exact" })).hits;
  });
}
