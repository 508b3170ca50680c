import { IN_USE } from "./captions.ts";
import { type Database, type Queryable, inTransaction } from "./database.ts";
import {
  describeSpace,
  explainMismatch,
  findVectorType,
  manyPass,
  requireIndexScan,
  requireUnit,
  type SearchMode,
  type SpaceSize,
  usesIndex,
} from "./embeddings.ts";
import { encodeVector, encodeVectorArray, normalise } from "./float-vector.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

/** A text that stands beside a picture and was not written by a captioner. */
export type OwnText = {
  readonly imageId: string;
  readonly corpusId: string;
  readonly text: string;
} & (
  | { readonly captionId: string; readonly name?: undefined }
  | { readonly name: string; readonly captionId?: undefined }
);

export type TextEmbeddingRow = OwnText & { readonly embedding: Float32Array };

/** Captions of people, of the web and of data sets, each under its id, oldest first; sentences of a longer text are in it. */
export function ownCaptionsOf(
  db: Queryable,
  imageIds: readonly string[],
): Promise<{ imageId: string; corpusId: string; captionId: string; text: string }[]> {
  return db.query(
    `select c.image_id as "imageId", i.corpus_id as "corpusId", c.id as "captionId", c.text
     from captions c join images i on i.id = c.image_id
     where c.image_id = any ($1::uuid[]) and c.source <> 'SYNTHETIC' and c.part_of is null order by c.image_id, c.created_at, c.id`,
    [imageIds],
  );
}

const ROWS_PER_STATEMENT = 500;

/** Saves the vectors of texts, normalised to length 1. A second vector for the same text replaces the first. */
export async function saveTextEmbeddings(
  db: Queryable,
  { spaceId, rows }: { spaceId: string; rows: readonly TextEmbeddingRow[] },
): Promise<void> {
  requireUuid("space", spaceId);
  // One statement cannot touch a row twice.
  const unique = [...new Map(rows.map((row) => [`${row.imageId} ${textKeyOf(row)}`, row])).values()];
  const vectorType = await findVectorType(db);
  for (let start = 0; start < unique.length; start += ROWS_PER_STATEMENT) {
    await saveChunk(db, { spaceId, vectorType }, unique.slice(start, start + ROWS_PER_STATEMENT));
  }
}

/** How the text is told from the other texts of its picture. */
export function textKeyOf({ captionId, name }: Pick<OwnText, "captionId" | "name">): string {
  return captionId ?? `name:${name}`;
}

async function saveChunk(
  db: Queryable,
  { spaceId, vectorType }: { readonly spaceId: string; readonly vectorType: number },
  rows: readonly TextEmbeddingRow[],
): Promise<void> {
  const dimensions = rows[0]?.embedding.length ?? 0;
  const vectors = rows.map(({ text, embedding }) => requireUnit(`the text "${text}"`, embedding, dimensions));
  // A caption that was deleted with its picture meanwhile is left out.
  const saved = await db.query<{ known: boolean }>(
    `with known as (select id, dimensions from spaces where id = $1::uuid and dimensions = $7::integer), saved as (
       insert into text_embeddings (space_id, image_id, corpus_id, text_key, caption_id, embedding)
       select s.id, row.image_id, row.corpus_id, row.text_key, row.caption_id, row.embedding
       from known s
       cross join unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::vector[])
         as row (image_id, corpus_id, text_key, caption_id, embedding)
       where row.caption_id is null or exists (select from captions where id = row.caption_id)
       on conflict (space_id, image_id, text_key) do update set embedding = excluded.embedding
     )
     select true as known from known`,
    [
      spaceId,
      rows.map(({ imageId }) => imageId),
      rows.map(({ corpusId }) => corpusId),
      rows.map(textKeyOf),
      rows.map(({ captionId }) => captionId ?? null),
      encodeVectorArray(vectorType, vectors),
      dimensions,
    ],
  );
  if (saved.length === 0) await explainMismatch(db, spaceId, dimensions);
}

export type NearText = {
  readonly imageId: string;
  readonly sha256: string;
  /** Cosine of the query and the picture, -1 to 1. */
  readonly itcCosine: number;
  /** Cosine of the query and the nearest of the picture's own texts, -1 to 1. */
  readonly textCosine: number;
};

export type NearTextSearch = {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly query: Float32Array;
  /** How many pictures to return. */
  readonly limit: number;
  /** Only pictures that pass; all when absent. */
  readonly filter?: ImageFilter | undefined;
  /** Of the corpus in the space, where the caller has asked already (`describeSpace`). */
  readonly size?: SpaceSize | undefined;
};

// A picture seldom has more texts than this among the nearest: a caption and a name.
const TEXTS_PER_IMAGE = 4;

/**
 * The pictures of a corpus with the texts nearest to the query, best first, ties by id: of the TEXTS_PER_IMAGE times `limit` nearest texts, those that
 * no person has set aside. Pictures without a vector of their own in the space are not returned. By the index where searchEmbeddings
 * would take its own.
 * @throws StorageError INVALID_VALUE, NOT_FOUND, DIMENSION_MISMATCH
 */
export async function searchTextEmbeddings(
  db: Queryable | Database,
  search: NearTextSearch,
): Promise<{ hits: NearText[]; mode: SearchMode }> {
  requireUuid("corpus", search.corpusId);
  const query = normalise(search.query);
  if (!query) throw new StorageError("INVALID_VALUE", "The query vector is zero or not finite.");
  const space = search.size ?? (await describeSpace(db, search));
  if (space?.dimensions !== query.length) return explainMismatch(db, search.spaceId, query.length);
  const parameters: unknown[] = [search.spaceId, search.corpusId, encodeVector(query), search.limit];
  const passes = search.filter && compileImageFilter(search.filter, parameters);
  const exactly = async (): Promise<{ hits: NearText[]; mode: SearchMode }> => ({
    hits: await db.query<NearText>(nearTextSql("vector", passes), parameters),
    mode: "exact",
  });
  if (!usesIndex(space, search.limit * TEXTS_PER_IMAGE) || !(await manyPass(db, search))) return exactly();
  const hits = await inTransaction(db, async (tx) => {
    await requireIndexScan(tx, search.limit * TEXTS_PER_IMAGE);
    return tx.query<NearText>(nearTextSql(`vector(${space.dimensions})`, passes), parameters);
  });
  return passes !== undefined && hits.length < search.limit ? exactly() : { hits, mode: "hnsw" };
}

/**
 * The nearest texts are ordered by the distance alone, or the planner would not take the index; `type` with a dimension is how the index was built,
 * without one it does not fit, and every vector is compared.
 */
function nearTextSql(type: string, passes: string | undefined): string {
  const filter = passes === undefined ? "" : `and exists (select from images i where i.id = image_id and ${passes})`;
  const distance = `embedding::${type} <#> $3::${type}`;
  return `with texts as materialized (
      select image_id, caption_id, ${distance} as distance from text_embeddings
      where space_id = $1::uuid and corpus_id = $2::uuid ${filter}
      order by ${distance} limit $4::integer * ${TEXTS_PER_IMAGE}
    ), nearest as (
      select image_id, min(distance) as distance from texts
      where caption_id is null or exists (select from captions where captions.id = texts.caption_id and ${IN_USE})
      group by image_id order by 2, 1 limit $4::integer
    )
    select nearest.image_id as "imageId", i.sha256,
      greatest(-1, least(1, -(e.embedding <#> $3::vector))) as "itcCosine",
      greatest(-1, least(1, -nearest.distance)) as "textCosine"
    from nearest
    join embeddings e on e.space_id = $1::uuid and e.image_id = nearest.image_id
    join images i on i.id = nearest.image_id
    order by nearest.distance, nearest.image_id`;
}

export type NearestText = {
  readonly text: string;
  /** Null where the text is the name of a file. */
  readonly captionId: string | null;
  /** The nearest of the images that the text stands beside. */
  readonly imageId: string;
};

/**
 * The texts of a corpus nearest to a vector, usually a picture's, best first, each text once however many pictures have it; of four times `limit` that are
 * nearest, those that no person has set aside. Every text is compared.
 */
export function searchTextsNear(
  db: Queryable,
  { corpusId, spaceId, query, limit }: NearTextSearch,
): Promise<NearestText[]> {
  const unit = normalise(query);
  if (!unit) throw new StorageError("INVALID_VALUE", "The query vector is zero or not finite.");
  return db.query<NearestText>(
    `with near as materialized (
       select t.image_id, t.caption_id, t.text_key, t.embedding <#> $3::vector as distance from text_embeddings t
       where t.space_id = $1::uuid and t.corpus_id = $2::uuid order by 4 limit $4::integer * ${TEXTS_PER_IMAGE}
     ), texts as (
       select near.image_id, near.caption_id, near.distance,
         coalesce((select captions.text from captions where captions.id = near.caption_id and ${IN_USE}),
           case when near.caption_id is null then substring(near.text_key from 6) end) as text
       from near
     ), once as (
       select distinct on (lower(text)) * from texts where text is not null order by lower(text), distance, image_id
     )
     select text, caption_id as "captionId", image_id as "imageId" from once order by distance, text limit $4::integer`,
    [requireUuid("space", spaceId), requireUuid("corpus", corpusId), encodeVector(unit), limit],
  );
}
