import { type Database, searchEmbeddings, type VectorHit, type VectorSearch, type VectorSet } from "@medley/storage";
import { shareFound } from "./reindex/index-recall.ts";
import type { IndexMode } from "./report.ts";

/**
 * How much of what is truly nearest approximate searches find, measured on the searches that people make, filters included: now and then one of them is
 * repeated exactly in the background.
 */
export interface RecallMeter {
  /** Mean share of the truly nearest pictures that the last searches which were checked had found, 0 to 1. Always 1 for "exact"; null until one was checked. */
  estimateOf(set: VectorSet, mode: IndexMode): number | null;
  /** Tells what a search found; whether it is checked is the meter's choice. Never throws. */
  observe(search: VectorSearch, found: { readonly hits: readonly VectorHit[]; readonly mode: IndexMode }): void;
  /** Resolves when nothing is being checked. */
  settled(): Promise<void>;
}

export interface RecallMeterDependencies {
  readonly db: Database;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
}

/** Checks that the mean is over: older ones are of a corpus that has changed since. */
const CHECKS_KEPT = 64;
/** Comparing every vector takes a core for a while: a check is followed by so many times its length without one. */
const REST_AFTER_CHECKS = 50;
/** Corpora, spaces and ways of searching whose checks are remembered. */
const MOST_KEYS = 1_000;

export function createRecallMeter({ db, clock = () => performance.now() }: RecallMeterDependencies): RecallMeter {
  const shares = new Map<string, readonly number[]>();
  let checking: Promise<void> | null = null;
  let restUntil = Number.NEGATIVE_INFINITY;

  async function check(search: VectorSearch, hits: readonly VectorHit[], key: string): Promise<void> {
    const startedAt = clock();
    try {
      const { size: _size, ...again } = search;
      const exact = await searchEmbeddings(db, { ...again, mode: "exact" });
      const known = shares.get(key) ?? [];
      shares.delete(key);
      shares.set(key, [...known, shareFound(hits, exact.hits)].slice(-CHECKS_KEPT));
      const [oldest] = shares.keys();
      if (shares.size > MOST_KEYS && oldest !== undefined) shares.delete(oldest);
    } catch {
      // A corpus or a database that went away meanwhile: there is nothing to estimate.
    } finally {
      restUntil = clock() + REST_AFTER_CHECKS * (clock() - startedAt);
    }
  }

  return {
    estimateOf(set, mode) {
      if (mode === "exact") return 1;
      const known = shares.get(keyOf(set, mode));
      return known ? known.reduce((sum, share) => sum + share, 0) / known.length : null;
    },
    observe(search, { hits, mode }) {
      if (mode === "exact" || checking !== null || clock() < restUntil) return;
      checking = check(search, hits, keyOf(search, mode)).finally(() => {
        checking = null;
      });
    },
    async settled() {
      await checking;
    },
  };
}

function keyOf({ corpusId, spaceId }: VectorSet, mode: IndexMode): string {
  return `${corpusId}/${spaceId}/${mode}`;
}
