import { type IndexFigures, measureIndexRecall } from "@medley/search";
import {
  activeSpace,
  countEmbeddings,
  rebuildVectorIndex,
  saveUpkeep,
  updateOperation,
  type VectorIndex,
  vectorIndexesOf,
} from "@medley/storage";
import { indexLargeSpace } from "../index-large-space.ts";
import { retryTransient } from "../retry.ts";
import type { UpkeepRun } from "./run-upkeep.ts";

/** So many searches of the nearest pictures say how good the index is, before and after. */
const QUERIES = 100;
const NEAREST = 10;
const SEED = 0;

/** What is kept beside the operation: the figures, and which builds were there, so that what was built anew before a worker died is known. */
export interface MeasuredIndex extends IndexFigures {
  readonly builds: readonly string[];
}

/**
 * Builds the index of a space anew, pictures first and then texts, and measures what it finds before and after. Searches answer meanwhile, with the
 * index before.
 */
export async function rebuildIndex(run: UpkeepRun): Promise<void> {
  const { context, upkeep, listener } = run;
  const { db, retry, signal } = context;
  const { operationId } = upkeep;
  const persist = <T>(call: () => Promise<T>) => retryTransient(call, retry);
  const spaceId = upkeep.spaceId ?? (await persist(() => activeSpace(db, upkeep.corpusId)))?.id;
  if (spaceId === undefined) return;
  const before = (upkeep.measured as MeasuredIndex | null) ?? (await measureBefore(run, spaceId));
  if (upkeep.dryRun || signal.aborted) return;
  if (!before.indexed) await persist(() => indexLargeSpace(context, spaceId, listener.onNote));
  const indexes = await persist(() => vectorIndexesOf(db, spaceId));
  const old = indexes.filter(({ build }) => before.builds.includes(build));
  const total = old.length * before.vectors;
  const report = (vectors: number) => {
    const counts = { indexesBuilt: indexes.length - old.length, stepsEnded: vectors, stepsTotal: total, scanned: 1 };
    listener.onProgress(counts);
    return updateOperation(db, { operationId, counts });
  };
  for (const [place, index] of old.entries()) {
    if (signal.aborted) return;
    await persist(() => report(place * before.vectors));
    await rebuild(run, index, (vectors) => {
      // Texts may be more than pictures.
      const done = Math.min(vectors, before.vectors) + place * before.vectors;
      report(done).catch(() => {});
    });
  }
  if (signal.aborted) return;
  await persist(() => report(total));
  await persist(() => updateOperation(db, { operationId, counts: { indexesBuilt: indexes.length } }));
  await measureAfter(run, before);
}

/** A build that a broken connection ended is begun again, unless it was ready by then. */
async function rebuild(
  { context }: UpkeepRun,
  index: VectorIndex,
  onProgress: (vectors: number) => void,
): Promise<void> {
  const { db, retry, signal } = context;
  await retryTransient(() => rebuildVectorIndex(db, index, { signal, onProgress }), retry);
}

async function measureBefore(run: UpkeepRun, spaceId: string): Promise<MeasuredIndex> {
  const { context, upkeep } = run;
  const { db, retry } = context;
  const indexes = await retryTransient(() => vectorIndexesOf(db, spaceId), retry);
  const vectors = await retryTransient(() => countEmbeddings(db, spaceId), retry);
  const { queries, recall } = await measure(run, spaceId);
  const measured: MeasuredIndex = {
    spaceId,
    vectors,
    indexed: indexes.length > 0,
    queries,
    recallBefore: recall,
    recallAfter: null,
    sizeBytesBefore: sizeOf(indexes),
    sizeBytesAfter: null,
    builds: indexes.map(({ build }) => build),
  };
  await retryTransient(() => saveUpkeep(db, { operationId: upkeep.operationId, measured }), retry);
  return measured;
}

async function measureAfter(run: UpkeepRun, before: MeasuredIndex): Promise<void> {
  const { context, upkeep } = run;
  const { db, retry } = context;
  const indexes = await retryTransient(() => vectorIndexesOf(db, before.spaceId), retry);
  const { recall } = await measure(run, before.spaceId);
  const measured: MeasuredIndex = {
    ...before,
    indexed: indexes.length > 0,
    recallAfter: recall,
    sizeBytesAfter: sizeOf(indexes),
  };
  await retryTransient(() => saveUpkeep(db, { operationId: upkeep.operationId, measured }), retry);
}

function measure({ context, upkeep }: UpkeepRun, spaceId: string) {
  const { corpusId } = upkeep;
  const request = { corpusId, spaceId, queries: QUERIES, nearest: NEAREST, seed: SEED, signal: context.signal };
  return retryTransient(() => measureIndexRecall(context, request), context.retry);
}

function sizeOf(indexes: readonly VectorIndex[]): number {
  return indexes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
