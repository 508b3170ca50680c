import { type Database, drawQueryVectors, searchEmbeddings, vectorIndexesOf, type VectorHit } from "@medley/storage";

/** How much of what is truly nearest the index of a space finds. */
export interface IndexRecall {
  readonly queries: number;
  /** Share of the truly nearest pictures that it finds, 0 to 1; 1 where the space has no index, because then every vector is compared. */
  readonly recall: number;
}

export interface IndexRecallRequest {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly queries: number;
  /** Of the nearest so many. */
  readonly nearest: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** Compares the index of a space with the exact search, over stored vectors of the corpus: no model is asked. 0 queries where it holds none. */
export async function measureIndexRecall(
  { db }: { readonly db: Database },
  { corpusId, spaceId, queries: most, nearest, seed, signal }: IndexRecallRequest,
): Promise<IndexRecall> {
  const indexes = await vectorIndexesOf(db, spaceId);
  const queries = await drawQueryVectors(db, { corpusId, spaceId, most, seed });
  if (!indexes.some(({ table }) => table.startsWith("embeddings_"))) return { queries: queries.length, recall: 1 };
  let sum = 0;
  for (const query of queries) {
    signal?.throwIfAborted();
    const among = { corpusId, spaceId, query, limit: nearest };
    const found = await searchEmbeddings(db, { ...among, mode: "hnsw" });
    sum += shareFound(found.hits, (await searchEmbeddings(db, { ...among, mode: "exact" })).hits);
  }
  return { queries: queries.length, recall: queries.length === 0 ? 1 : sum / queries.length };
}

/** Cosines of one pair differ by this much between two ways of computing them. */
const SAME_COSINE = 1e-5;

/**
 * Share of the truly nearest that were found; which of several that are as near as the last of them stands last says nothing. 1 where there is nothing
 * to find.
 */
export function shareFound(found: readonly VectorHit[], exact: readonly VectorHit[]): number {
  if (exact.length === 0) return 1;
  const last = exact.at(-1)?.itcCosine ?? 0;
  const nearer = new Set(exact.flatMap(({ imageId, itcCosine }) => (itcCosine > last + SAME_COSINE ? imageId : [])));
  const foundNearer = found.filter(({ imageId }) => nearer.has(imageId)).length;
  const foundLast = found.filter(
    ({ imageId, itcCosine }) => !nearer.has(imageId) && itcCosine >= last - SAME_COSINE,
  ).length;
  return (foundNearer + Math.min(foundLast, exact.length - nearer.size)) / exact.length;
}
