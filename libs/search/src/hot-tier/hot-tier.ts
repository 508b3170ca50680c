import {
  activeSpace,
  countEmbeddings,
  type Database,
  findSpace,
  forgetOldChanges,
  listCorpora,
  type VectorHit,
  type VectorSearch,
  type VectorSet,
} from "@medley/storage";
import { type FreshCopy, loadCopy } from "./fresh-copy.ts";
import type { OpenVectorScan } from "./scan-port.ts";

/**
 * Copies in memory of the vectors of corpora that are large enough, which answer in the database's place as long as they are ready and up to date.
 * They are loaded in the background and again when much has changed.
 */
export interface HotTier extends AsyncDisposable {
  /** Null where the database has to answer. Never rejects: what fails here the database will say better. */
  search(search: VectorSearch): Promise<VectorHit[] | null>;
  /** Begins to load the active space of every corpus, so that the first search finds it. Never rejects. */
  prepare(): Promise<void>;
  /** Resolves when nothing is being loaded. */
  settled(): Promise<void>;
}

export interface HotTierDependencies {
  readonly db: Database;
  readonly openScan: OpenVectorScan;
  /** Corpora with fewer vectors are left to the database. */
  readonly fromVectors: number;
  readonly log?: (fields: object, message: string) => void;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
}

/** What there is for one corpus in one space. */
type Copy =
  | { readonly phase: "none"; readonly askAgainAt: number }
  | { readonly phase: "loading" }
  | {
      readonly phase: "serving";
      readonly copy: FreshCopy;
      readonly loadedAt: number;
      readonly loadMs: number;
      usedAt: number;
    };

// Counting a small corpus for each of its searches would cost more than comparing its vectors.
const COUNT_AGAIN_MS = 60_000;
const TRY_AGAIN_MS = 10_000;
const UNUSED_MS = 3_600_000;
const SWEEP_MS = 600_000;
/** Of changes that may be answered beside the scan, the share from which on it is made anew. */
const WORN = 0.5;
/** While a corpus grows, loading takes at most a tenth of the time. */
const REST_AFTER_LOADS = 10;

export function createHotTier(dependencies: HotTierDependencies): HotTier {
  const { db, fromVectors, log = () => {}, clock = () => performance.now() } = dependencies;
  const copies = new Map<string, Copy>();
  const loads = new Set<Promise<void>>();
  let closed = false;
  const sweep = setInterval(dropUnused, SWEEP_MS).unref();

  /** Loads in the background; what answers until then goes on. */
  function load(key: string, set: VectorSet): void {
    const before = copies.get(key);
    const loading = replace(key, set, before?.phase === "serving" ? before.copy : null);
    loads.add(loading);
    void loading.finally(() => loads.delete(loading));
  }

  async function replace(key: string, set: VectorSet, old: FreshCopy | null): Promise<void> {
    if (!old) copies.set(key, { phase: "loading" });
    const startedAt = clock();
    const none = (afterMs: number) => copies.set(key, { phase: "none", askAgainAt: clock() + afterMs });
    try {
      const [space, rows] = [await findSpace(db, set.spaceId), await countEmbeddings(db, set.spaceId, set.corpusId)];
      if (!space || rows < Math.max(1, fromVectors)) return void none(COUNT_AGAIN_MS);
      const ended = (error: Error) => {
        log({ err: error, ...set }, "hot tier ended; the database answers");
        none(TRY_AGAIN_MS);
      };
      const copy = await loadCopy({ ...dependencies, onEnd: ended }, { ...set, dimensions: space.dimensions });
      if (copy === null) return void none(COUNT_AGAIN_MS);
      if (closed) return await copy[Symbol.asyncDispose]();
      const loadMs = clock() - startedAt;
      copies.set(key, { phase: "serving", copy, loadedAt: clock(), loadMs, usedAt: clock() });
      log({ ...set, rows, loadMs: Math.round(loadMs) }, "hot tier loaded");
      await forgetOldChanges(db);
    } catch (error) {
      log({ err: error, ...set }, "hot tier not loaded; the database answers");
      if (copies.get(key)?.phase === "loading") none(TRY_AGAIN_MS);
    } finally {
      // Searches that it still answers are asked of the database instead.
      await old?.[Symbol.asyncDispose]();
    }
  }

  function reloadWorn(key: string, set: VectorSet, serving: Extract<Copy, { phase: "serving" }>): void {
    const rested = clock() - serving.loadedAt > REST_AFTER_LOADS * serving.loadMs;
    if (serving.copy.wear() > WORN && rested && loads.size === 0) load(key, set);
  }

  function dropUnused(): void {
    for (const [key, copy] of copies) {
      if (copy.phase !== "serving" || clock() - copy.usedAt < UNUSED_MS) continue;
      copies.delete(key);
      void copy.copy[Symbol.asyncDispose]();
    }
  }

  async function settled(): Promise<void> {
    while (loads.size > 0) await Promise.allSettled(loads);
  }

  return {
    settled,
    async search(search) {
      const { spaceId, corpusId, mode = "auto" } = search;
      if (closed || mode !== "auto") return null;
      const key = `${spaceId}/${corpusId}`;
      const set = { spaceId, corpusId };
      const state = copies.get(key);
      if (state === undefined || (state.phase === "none" && clock() >= state.askAgainAt)) load(key, set);
      if (state?.phase !== "serving") return null;
      state.usedAt = clock();
      try {
        const hits = await state.copy.search(search);
        reloadWorn(key, set, state);
        return hits;
      } catch (error) {
        // A copy that was replaced meanwhile has ended as well, and the one in its place has not.
        const ended = error instanceof Error && "code" in error && error.code === "SCAN_ENDED";
        if (copies.get(key) !== state) return null;
        if (ended) copies.set(key, { phase: "none", askAgainAt: clock() + TRY_AGAIN_MS });
        log({ err: error, ...set }, "hot tier failed; the database answers");
        return null;
      }
    },
    async prepare() {
      try {
        for (const { id: corpusId } of await listCorpora(db)) {
          const space = await activeSpace(db, corpusId);
          if (space && !closed) load(`${space.id}/${corpusId}`, { spaceId: space.id, corpusId });
        }
      } catch (error) {
        log({ err: error }, "hot tier not prepared; it is loaded with the first search of a corpus");
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearInterval(sweep);
      await settled();
      for (const copy of copies.values()) if (copy.phase === "serving") await copy.copy[Symbol.asyncDispose]();
      copies.clear();
    },
  };
}
