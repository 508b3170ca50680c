import { type Database, type Queryable, inTransaction } from "./database.ts";
import { encodeVector, encodeVectorArray, normalise } from "./float-vector.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { findSpace } from "./spaces.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

export type EmbeddingRow = { readonly imageId: string; readonly corpusId: string; readonly embedding: Float32Array };

// 500 vectors of 256 dimensions are 1 MB on the wire; larger statements gained nothing.
const ROWS_PER_STATEMENT = 500;

/** Saves one vector per image, normalised to length 1. A second vector for the same image replaces the first. */
export async function saveEmbeddings(
  db: Queryable,
  { spaceId, rows }: { spaceId: string; rows: readonly EmbeddingRow[] },
): Promise<void> {
  requireUuid("space", spaceId);
  // One statement cannot touch a row twice.
  const unique = [...new Map(rows.map((row) => [row.imageId, row])).values()];
  const vectorType = await findVectorType(db);
  for (let start = 0; start < unique.length; start += ROWS_PER_STATEMENT) {
    await saveChunk(db, { spaceId, vectorType }, unique.slice(start, start + ROWS_PER_STATEMENT));
  }
}

/** The number that the type "vector" has in this database; a binary array names the type of its elements. */
export async function findVectorType(db: Queryable): Promise<number> {
  const [row] = await db.query<{ oid: number }>("select 'vector'::regtype::oid as oid", []);
  if (!row) throw new Error("Bug: a select without from returned no row.");
  return row.oid;
}

async function saveChunk(
  db: Queryable,
  { spaceId, vectorType }: { readonly spaceId: string; readonly vectorType: number },
  rows: readonly EmbeddingRow[],
): Promise<void> {
  const dimensions = rows[0]?.embedding.length ?? 0;
  const vectors = rows.map(({ imageId, embedding }) => requireUnit(`image "${imageId}"`, embedding, dimensions));
  const [saved] = await db.query<{ count: number }>(
    `with saved as (
       insert into embeddings (space_id, image_id, corpus_id, embedding)
       select s.id, row.image_id, row.corpus_id, row.embedding
       from spaces s cross join unnest($2::uuid[], $3::uuid[], $4::vector[]) as row (image_id, corpus_id, embedding)
       where s.id = $1::uuid and s.dimensions = $5::integer
       on conflict (image_id, space_id) do update set embedding = excluded.embedding, written_in = excluded.written_in
       returning 1)
     select count(*)::integer as count from saved`,
    [
      spaceId,
      rows.map((row) => row.imageId),
      rows.map((row) => row.corpusId),
      encodeVectorArray(vectorType, vectors),
      dimensions,
    ],
  );
  if (saved?.count === 0) await explainMismatch(db, spaceId, dimensions);
}

/** The vector scaled to length 1; an error that names its owner where it has no direction or another length than its neighbours. */
export function requireUnit(owner: string, embedding: Float32Array, dimensions: number): Float32Array {
  if (embedding.length !== dimensions) {
    throw new StorageError(
      "DIMENSION_MISMATCH",
      `The embedding of ${owner} has ${embedding.length} dimensions, the first of the same call has ${dimensions}.`,
    );
  }
  const unit = normalise(embedding);
  if (unit) return unit;
  throw new StorageError("INVALID_VALUE", `The embedding of ${owner} is zero or not finite.`);
}

export async function explainMismatch(db: Queryable, spaceId: string, dimensions: number): Promise<never> {
  const space = await findSpace(db, spaceId);
  if (!space) throw new StorageError("NOT_FOUND", `There is no space "${spaceId}".`);
  throw new StorageError(
    "DIMENSION_MISMATCH",
    `The embedding has ${dimensions} dimensions, but space "${space.name}" stores ${space.dimensions}.`,
  );
}

export type VectorHit = {
  readonly imageId: string;
  readonly sha256: string;
  /** Cosine of image and query, -1 to 1; higher is better. */
  readonly itcCosine: number;
};

export type SearchMode = "exact" | "hnsw";

export type VectorSearch = {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly query: Float32Array;
  readonly limit: number;
  /** Only pictures that pass; all when absent. */
  readonly filter?: ImageFilter | undefined;
  /** "auto" takes the index when there is one and many pictures pass; without an index every mode is exact. */
  readonly mode?: SearchMode | "auto" | undefined;
  /** Of the corpus in the space, where the caller has asked already (`describeSpace`). */
  readonly size?: SpaceSize | undefined;
};

// pgvector's bound for hnsw.ef_search, and ef_search bounds the rows that an index scan returns.
const LARGEST_EF_SEARCH = 1_000;
// With 4 times the limit the recall@10 of 50,000 clustered vectors was 0.98 to 1.00; at least 100 costs little.
const EF_SEARCH_PER_HIT = 4;
const SMALLEST_EF_SEARCH = 100;
// Below this many vectors in the corpus the exact scan takes under 5 ms, also on the embedded database, and misses nothing.
const EXACT_BELOW = 5_000;

/**
 * The nearest images of a corpus that pass the filter, best first, ties by id, and which way they were found. A filter loses nothing: where few
 * pictures pass, or the index gives up before it has found enough, every vector of those that pass is compared.
 */
export async function searchEmbeddings(
  db: Queryable | Database,
  search: VectorSearch,
): Promise<{ hits: VectorHit[]; mode: SearchMode }> {
  requireUuid("corpus", search.corpusId);
  const query = normalise(search.query);
  if (!query) throw new StorageError("INVALID_VALUE", "The query vector is zero or not finite.");
  const space = search.size ?? (await describeSpace(db, search));
  if (space?.dimensions !== query.length) return explainMismatch(db, search.spaceId, query.length);
  if (usesIndex(space, search.limit, search.mode) && (search.mode === "hnsw" || (await manyPass(db, search)))) {
    const hits = await searchIndex(db, { ...search, query });
    if (search.filter === undefined || hits.length === search.limit) return { hits, mode: "hnsw" };
  }
  return { hits: await searchExactly(db, { ...search, query }), mode: "exact" };
}

/** Whether so many pictures pass that the index is faster than comparing them all. */
export async function manyPass(
  db: Queryable,
  { corpusId, filter }: Pick<VectorSearch, "corpusId" | "filter">,
): Promise<boolean> {
  if (filter === undefined) return true;
  return (await countPassing(db, { corpusId, filter, most: EXACT_BELOW })) === EXACT_BELOW;
}

/** How many pictures of the corpus pass the filter, counted up to `most`. */
export async function countPassing(
  db: Queryable,
  { corpusId, filter, most }: Pick<VectorSearch, "corpusId" | "filter"> & { most: number },
): Promise<number> {
  const parameters: unknown[] = [requireUuid("corpus", corpusId), most];
  const passes = compileImageFilter(filter, parameters);
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from (
       select from images i where i.corpus_id = $1::uuid and ${passes} limit $2::integer) as passing`,
    parameters,
  );
  return row?.count ?? 0;
}

/** What decides how a corpus is searched in a space. */
export type SpaceSize = {
  readonly dimensions: number;
  /** Whether the space has an index that can be used. */
  readonly indexed: boolean;
  /** Whether it is worth while for this corpus. */
  readonly large: boolean;
};

/** Whether a search in a space of that size takes the index; "auto" where it has one and the corpus is large. */
export function usesIndex({ indexed, large }: SpaceSize, limit: number, mode: VectorSearch["mode"] = "auto"): boolean {
  return indexed && limit <= LARGEST_EF_SEARCH && (mode === "hnsw" || (mode === "auto" && large));
}

/** Undefined where there is no such space. */
export async function describeSpace(
  db: Queryable,
  { spaceId, corpusId }: Pick<VectorSearch, "spaceId" | "corpusId">,
): Promise<SpaceSize | undefined> {
  const [space] = await db.query<SpaceSize>(
    `select s.dimensions, i.indexed, i.indexed and (
       select count(*) = $3::integer from (
         select from embeddings e where e.space_id = s.id and e.corpus_id = $2::uuid limit $3::integer) as counted) as large
     from spaces s, lateral (
       select exists (
         select from pg_index where indisvalid
           and indexrelid = to_regclass('embeddings_' || replace(s.id::text, '-', '') || '_hnsw')) as indexed) as i
     where s.id = $1::uuid`,
    [requireUuid("space", spaceId), corpusId, EXACT_BELOW],
  );
  return space;
}

function searchExactly(db: Queryable, { spaceId, corpusId, query, limit, filter }: VectorSearch): Promise<VectorHit[]> {
  const parameters: unknown[] = [spaceId, corpusId, encodeVector(query), limit];
  const passing = filter && `join images i on i.id = e.image_id and ${compileImageFilter(filter, parameters)}`;
  return db.query<VectorHit>(
    `select nearest.image_id as "imageId", i.sha256, greatest(-1, least(1, -nearest.distance)) as "itcCosine"
     from (
       select e.image_id, e.embedding <#> $3::vector as distance from embeddings e ${passing ?? ""}
       where e.space_id = $1::uuid and e.corpus_id = $2::uuid
       order by 2, 1 limit $4::integer) as nearest
     join images i on i.id = nearest.image_id
     order by nearest.distance, nearest.image_id`,
    parameters,
  );
}

function searchIndex(db: Queryable | Database, search: VectorSearch): Promise<VectorHit[]> {
  const { spaceId, corpusId, query, limit, filter } = search;
  const parameters: unknown[] = [spaceId, corpusId, encodeVector(query), limit];
  const sql = indexSearchSql(query.length, filter && compileImageFilter(filter, parameters));
  return inTransaction(db, async (tx) => {
    await requireIndexScan(tx, limit);
    return tx.query<VectorHit>(sql, parameters);
  });
}

// pgvector gives up after 20,000 vectors, too early for a filter that one picture in a hundred passes.
const MOST_SCANNED = 200_000;

/**
 * For the rest of the transaction the planner must take the index: the mode is part of the answer. Iterative, because
 * the index also returns images of other corpora and the scan has to go on until the limit is reached.
 */
export async function requireIndexScan(tx: Queryable, limit: number): Promise<void> {
  const efSearch = Math.min(LARGEST_EF_SEARCH, Math.max(SMALLEST_EF_SEARCH, limit * EF_SEARCH_PER_HIT));
  await tx.query(
    `select set_config('hnsw.ef_search', $1::text, true), set_config('hnsw.iterative_scan', 'strict_order', true),
       set_config('hnsw.max_scan_tuples', $2::text, true), set_config('hnsw.scan_mem_multiplier', '8', true),
       set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true)`,
    [String(efSearch), String(MOST_SCANNED)],
  );
}

/**
 * The inner query orders by the distance alone: with a second key the planner cannot use the index (it sorts the whole
 * table). Ties are broken outside. The dimension is a type modifier, which cannot be a parameter.
 * @param passes  what compileImageFilter made for images `i`
 */
export function indexSearchSql(dimensions: number, passes?: string): string {
  const filter = passes === undefined ? "" : `and exists (select from images i where i.id = e.image_id and ${passes})`;
  if (!Number.isInteger(dimensions)) throw new Error(`Bug: ${dimensions} dimensions.`);
  return `select nearest.image_id as "imageId", i.sha256, greatest(-1, least(1, -nearest.distance)) as "itcCosine"
     from (
       select e.image_id, e.embedding::vector(${dimensions}) <#> $3::vector(${dimensions}) as distance from embeddings e
       where e.space_id = $1::uuid and e.corpus_id = $2::uuid ${filter}
       order by e.embedding::vector(${dimensions}) <#> $3::vector(${dimensions}) limit $4::integer) as nearest
     join images i on i.id = nearest.image_id
     order by nearest.distance, nearest.image_id`;
}

/**
 * Builds the HNSW index of a space that has at least `minimumRows` vectors; below, the exact scan is fast and complete.
 * Load first and index afterwards: inserts into an indexed table are 7 to 10 times slower. Writes to the space wait
 * while it builds (50,000 x 256: 10 s on a server, a minute embedded, where everything else waits as well).
 */
export function createVectorIndex(
  db: Queryable | Database,
  spaceId: string,
  { minimumRows = 20_000 }: { minimumRows?: number } = {},
): Promise<{ created: boolean; rows: number }> {
  return inTransaction(db, async (tx) => {
    const rows = await countEmbeddings(tx, spaceId);
    if (rows < minimumRows) return { created: false, rows };
    if ("kind" in db && db.kind === "server") {
      // The graph must fit, or the build gets several times slower; PGlite has one fixed memory for everything.
      await tx.query("select set_config('maintenance_work_mem', '512MB', true)", []);
    }
    await tx.query("select create_embedding_index(id, dimensions) from spaces where id = $1::uuid", [spaceId]);
    return { created: true, rows };
  });
}

/** The cosine of the query and each of the images that has a vector in the space, by image. */
export async function cosinesOf(
  db: Queryable,
  { spaceId, query, imageIds }: { spaceId: string; query: Float32Array; imageIds: readonly string[] },
): Promise<Map<string, number>> {
  const unit = normalise(query);
  if (!unit) throw new StorageError("INVALID_VALUE", "The query vector is zero or not finite.");
  const rows = await db.query<{ imageId: string; itcCosine: number }>(
    `select image_id as "imageId", greatest(-1, least(1, -(embedding <#> $3::vector))) as "itcCosine"
     from embeddings where space_id = $1::uuid and image_id = any ($2::uuid[])`,
    [requireUuid("space", spaceId), imageIds, encodeVector(unit)],
  );
  return new Map(rows.map(({ imageId, itcCosine }) => [imageId, itcCosine]));
}

/** The stored vector of an image in a space; null where it has none. */
export async function embeddingOf(
  db: Queryable,
  { spaceId, imageId }: { spaceId: string; imageId: string },
): Promise<Float32Array | null> {
  const [row] = await db.query<{ embedding: number[] }>(
    "select embedding::real[] as embedding from embeddings where space_id = $1::uuid and image_id = $2::uuid",
    [requireUuid("space", spaceId), requireUuid("image", imageId)],
  );
  return row ? Float32Array.from(row.embedding) : null;
}

/** Number of vectors in a space, or of one corpus in it. */
export async function countEmbeddings(db: Queryable, spaceId: string, corpusId: string | null = null): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from embeddings
     where space_id = $1::uuid and ($2::uuid is null or corpus_id = $2::uuid)`,
    [requireUuid("space", spaceId), corpusId],
  );
  return row?.count ?? 0;
}

/** Fewer texts than this say little about searches. */
const LEAST_TEXTS = 20;

/**
 * Vectors to ask a space with: of texts beside pictures of the corpus, which is what searches look like, or where it has fewer than LEAST_TEXTS of
 * pictures. The same seed draws the same ones of the same corpus.
 */
export async function drawQueryVectors(
  db: Queryable,
  { corpusId, spaceId, most, seed }: { corpusId: string; spaceId: string; most: number; seed: number },
): Promise<Float32Array[]> {
  const draw = (table: string, key: string) =>
    db.query<{ embedding: number[] }>(
      `select embedding::real[] as embedding from ${table} where space_id = $1::uuid and corpus_id = $2::uuid
       order by md5(${key} || $4::text), 1 limit $3::integer`,
      [requireUuid("space", spaceId), requireUuid("corpus", corpusId), most, String(seed)],
    );
  const texts = await draw("text_embeddings", "image_id::text || text_key");
  const drawn = texts.length < LEAST_TEXTS ? await draw("embeddings", "image_id::text") : texts;
  return drawn.map(({ embedding }) => Float32Array.from(embedding));
}
