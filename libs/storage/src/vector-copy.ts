import type { Queryable } from "./database.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { requireUuid } from "./uuid.ts";

// What a copy of a corpus's vectors outside the database needs: the vectors page by page, and afterwards what has changed.
// Identifiers and vectors come as one binary value for a page: a value for each row would cost the caller's event loop 30 times as much.

/** The vectors of one corpus in one space. */
export type VectorSet = { readonly spaceId: string; readonly corpusId: string };

/** Rows in the order of their image's id. */
export type VectorPage = {
  readonly rows: number;
  /** 16 bytes each, as PostgreSQL orders them. */
  readonly imageIds: Uint8Array;
  /** SHA-256 of the pictures' bytes, 32 bytes each. */
  readonly digests: Uint8Array;
  /** [rows, dimensions], each of length 1. */
  readonly vectors: Float32Array;
  /** Where the next page goes on; null after the last one. */
  readonly last: string | null;
};

/** The pages after one another may see different states; what is written after `currentSnapshot` is in the changes since then. */
export async function readVectorPage(
  db: Queryable,
  { spaceId, corpusId, after, limit }: VectorSet & { after: string | null; limit: number },
): Promise<VectorPage> {
  const [page] = await db.query<PageRow>(
    `select count(*)::integer as rows, (array_agg(page.image_id order by page.image_id desc))[1] as last,
       string_agg(uuid_send(page.image_id), ''::bytea order by page.image_id) as "imageIds",
       string_agg(decode(page.sha256, 'hex'), ''::bytea order by page.image_id) as digests,
       -- The first four bytes say the dimensions.
       string_agg(substring(vector_send(page.embedding) from 5), ''::bytea order by page.image_id) as vectors
     from (
       select e.image_id, e.embedding, i.sha256 from embeddings e join images i on i.id = e.image_id
       where e.space_id = $1::uuid and e.corpus_id = $2::uuid and ($3::uuid is null or e.image_id > $3::uuid)
       order by e.image_id limit $4::integer) as page`,
    [requireUuid("space", spaceId), requireUuid("corpus", corpusId), after && requireUuid("image", after), limit],
  );
  const { imageIds, digests, vectors } = page ?? {};
  if (!page || !imageIds || !digests || !vectors) return EMPTY_PAGE;
  const last = page.rows === limit ? page.last : null;
  return { rows: page.rows, last, imageIds, digests, vectors: hostFloats(vectors) };
}

type PageRow = {
  readonly rows: number;
  readonly last: string | null;
  readonly imageIds: Buffer | null;
  readonly digests: Buffer | null;
  readonly vectors: Buffer | null;
};

const EMPTY_PAGE: VectorPage = {
  rows: 0,
  last: null,
  imageIds: new Uint8Array(),
  digests: new Uint8Array(),
  vectors: new Float32Array(),
};

/** PostgreSQL's numbers are big-endian. */
function hostFloats(bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes);
  Buffer.from(copy.buffer).swap32();
  return new Float32Array(copy.buffer);
}

/** Which transactions are over, as PostgreSQL writes it; what they wrote is in every page that is read from now on. */
export async function currentSnapshot(db: Queryable): Promise<string> {
  const [row] = await db.query<{ snapshot: string }>("select pg_current_snapshot()::text as snapshot", []);
  if (!row) throw new Error("Bug: a select without from returned no row.");
  return row.snapshot;
}

/** What became visible after a snapshot. First take away `removed`, then put in `written`. */
export type VectorChanges = {
  /** Of this answer; where the next call goes on. */
  readonly snapshot: string;
  /** New vectors, and new ones of pictures that had one. */
  readonly written: readonly { readonly imageId: string; readonly sha256: string; readonly vector: Float32Array }[];
  /** Images whose vector went away. */
  readonly removed: readonly string[];
  /** Whether another set of pictures may pass a filter now. */
  readonly picturesChanged: boolean;
  /** False where more than `most` vectors were written: `written` lacks some. */
  readonly complete: boolean;
};

/**
 * One statement, and so one moment. Transactions are told apart by the snapshot and not by their order, because one that began earlier may end later.
 * The SQL is in the migration that made the function.
 */
export async function vectorChangesSince(
  db: Queryable,
  { spaceId, corpusId, snapshot, most }: VectorSet & { snapshot: string; most: number },
): Promise<VectorChanges> {
  const rows = await db.query<ChangeRow>(
    `select kind, image_id as "imageId", fact, vector
     from vector_changes_since($1::uuid, $2::uuid, $3::pg_snapshot, $4::integer)`,
    [requireUuid("space", spaceId), requireUuid("corpus", corpusId), snapshot, most + 1],
  );
  const of = (kind: ChangeRow["kind"]) => rows.filter((row) => row.kind === kind);
  const written = of("WRITTEN").map(({ imageId, fact, vector }) => ({
    imageId: imageId ?? "",
    sha256: fact ?? "",
    vector: hostFloats(vector ?? new Uint8Array()),
  }));
  return {
    snapshot: of("NOW")[0]?.fact ?? snapshot,
    written,
    removed: of("REMOVED").map(({ imageId }) => imageId ?? ""),
    picturesChanged: of("PICTURES").length > 0,
    complete: written.length <= most,
  };
}

type ChangeRow = {
  readonly kind: "NOW" | "WRITTEN" | "REMOVED" | "PICTURES";
  readonly imageId: string | null;
  /** The snapshot of this answer, or a picture's SHA-256. */
  readonly fact: string | null;
  readonly vector: Buffer | null;
};

/** Ids of all pictures of the corpus that pass the filter, 16 bytes each in PostgreSQL's order, whether they have a vector or not. */
export async function passingImageIds(
  db: Queryable,
  { corpusId, filter }: { corpusId: string; filter: ImageFilter },
): Promise<Uint8Array> {
  const parameters: unknown[] = [requireUuid("corpus", corpusId)];
  const passes = compileImageFilter(filter, parameters);
  const [row] = await db.query<{ ids: Buffer | null }>(
    `select string_agg(uuid_send(i.id), ''::bytea order by i.id) as ids from images i
     where i.corpus_id = $1::uuid and ${passes}`,
    parameters,
  );
  return row?.ids ?? new Uint8Array();
}

/** No copy may go on after this time without having asked for changes. */
export const CHANGES_KEPT_HOURS = 12;

/** Clears away changes that are twice as old as any copy that still asks. */
export async function forgetOldChanges(db: Queryable): Promise<void> {
  await db.query("delete from search_changes where changed_at < clock_timestamp() - $1::integer * interval '2 hours'", [
    CHANGES_KEPT_HOURS,
  ]);
}
