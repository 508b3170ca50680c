import type { Queryable } from "./database.ts";
import { reopenSteps } from "./steps.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** Attributes of an image: a flat JSON object that came with it, to be filtered and shown. */
export type Attributes = Readonly<Record<string, unknown>>;

export type Image = {
  readonly id: string;
  readonly corpusId: string;
  readonly sha256: string;
  readonly attributes: Attributes;
  /** Null until the step "prepare" has read the bytes; likewise the three below. */
  readonly format: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly sizeBytes: number | null;
  /** Paths or addresses, oldest first. */
  readonly origins: readonly string[];
  readonly createdAt: Date;
};

export type NewImage = {
  readonly corpusId: string;
  readonly sha256: string;
  readonly origin: string;
  readonly attributes: Attributes;
  /** What the file says about itself: attributes that give way to every other value. */
  readonly metadata?: Attributes | undefined;
  /** The text that came with the picture; it becomes a caption with source WEB. */
  readonly webText?: string | null | undefined;
};

/**
 * Adds a picture to a corpus. The same bytes again: the same image, which gains the origin, new attributes (they win)
 * and the text. A file of that origin that was rejected earlier counts as mended.
 * @throws StorageError NOT_FOUND where there is no such corpus, or it was deleted
 */
export async function registerImage(db: Queryable, image: NewImage): Promise<{ imageId: string; created: boolean }> {
  const text = withoutZeros(image.webText ?? "").trim() || null;
  const [row] = await db.query<{ imageId: string; created: boolean; hasNewText: boolean }>(
    `with image as (
       insert into images (corpus_id, sha256, attributes)
       select id, $2::text, $6::jsonb || $3::jsonb from corpora where id = $1::uuid and deleted_at is null
       on conflict (corpus_id, sha256) do update set attributes = $6::jsonb || images.attributes || $3::jsonb
       returning id, xmax = 0 as created
     ), origin as (
       insert into image_origins (image_id, origin) select id, $4::text from image on conflict do nothing returning image_id
     ), caption as (
       insert into captions (image_id, text, source) select id, $5::text, 'WEB' from image where $5::text is not null
       on conflict do nothing returning image_id
     ), mended as (
       delete from rejected_files where corpus_id = $1::uuid and origin = $4::text
     )
     select id as "imageId", created, exists (select from origin) or exists (select from caption) as "hasNewText" from image`,
    [
      requireUuid("corpus", image.corpusId),
      image.sha256,
      storableJson(image.attributes),
      withoutZeros(image.origin),
      text,
      storableJson(image.metadata ?? {}),
    ],
  );
  if (!row) throw new StorageError("NOT_FOUND", `There is no corpus "${image.corpusId}"; perhaps it was deleted.`);
  const { imageId, created, hasNewText } = row;
  if (hasNewText && !created) await reopenSteps(db, { imageIds: [imageId], steps: ["caption-embed", "filter"] });
  return { imageId, created };
}

/** PostgreSQL's text cannot hold U+0000, and alternative texts scraped from the web do contain it. */
export function withoutZeros(text: string): string {
  return text.replaceAll("\0", "");
}

/** JSON that jsonb accepts: it knows neither U+0000 nor half a surrogate pair, in values and in names. */
export function storableJson(attributes: Attributes): string {
  const storable = (text: string) => withoutZeros(text).toWellFormed();
  return JSON.stringify(attributes, (_name, value: unknown) => {
    if (typeof value === "string") return storable(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [storable(name), inner]));
  });
}

export type ImageFacts = {
  readonly imageId: string;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly sizeBytes: number;
};

/** What "prepare" found out about some images, in one statement: on the embedded database each is a round trip. */
export async function saveImageFacts(db: Queryable, facts: readonly ImageFacts[]): Promise<void> {
  const saved = await db.query<{ id: string }>(
    `update images set format = facts.format, width = facts.width, height = facts.height, size_bytes = facts.size_bytes
     from unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::bigint[])
       as facts (id, format, width, height, size_bytes)
     where images.id = facts.id returning images.id`,
    [
      facts.map(({ imageId }) => requireUuid("image", imageId)),
      facts.map(({ format }) => format),
      facts.map(({ width }) => width),
      facts.map(({ height }) => height),
      facts.map(({ sizeBytes }) => sizeBytes),
    ],
  );
  const known = new Set(saved.map(({ id }) => id));
  const missing = facts.find(({ imageId }) => !known.has(imageId));
  if (missing) throw new StorageError("NOT_FOUND", `There is no image "${missing.imageId}".`);
}

const COLUMNS = `i.id, i.corpus_id as "corpusId", i.sha256, i.attributes, i.format, i.width, i.height,
  i.size_bytes::double precision as "sizeBytes", i.created_at as "createdAt",
  array(select o.origin from image_origins o where o.image_id = i.id order by o.created_at, o.origin) as origins`;

export async function findImage(db: Queryable, imageId: string): Promise<Image | null> {
  return (await findImages(db, [imageId]))[0] ?? null;
}

/** The images that exist, in the order of the ids. */
export async function findImages(db: Queryable, imageIds: readonly string[]): Promise<Image[]> {
  return db.query<Image>(
    `select ${COLUMNS} from unnest($1::uuid[]) with ordinality as wanted (id, position) join images i using (id)
     join corpora c on c.id = i.corpus_id and c.deleted_at is null
     order by wanted.position`,
    [imageIds.filter(isUuid)],
  );
}

/** The id of the corpus of each image that exists. */
export async function corporaOfImages(db: Queryable, imageIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; corpusId: string }>(
    `select id, corpus_id as "corpusId" from images where id = any ($1::uuid[])`,
    [imageIds.filter(isUuid)],
  );
  return new Map(rows.map(({ id, corpusId }) => [id, corpusId]));
}

/** A page by id; `after` is the last id of the page before. */
export function listImages(
  db: Queryable,
  corpusId: string,
  page: { after?: string | null | undefined; limit: number },
): Promise<Image[]> {
  return db.query<Image>(
    `select ${COLUMNS} from images i
     where i.corpus_id = $1::uuid and ($2::uuid is null or i.id > $2::uuid)
     order by i.id limit $3::integer`,
    [requireUuid("corpus", corpusId), page.after ? requireUuid("image", page.after) : null, page.limit],
  );
}

export async function countImages(db: Queryable, corpusId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "select count(*)::integer as count from images where corpus_id = $1::uuid",
    [requireUuid("corpus", corpusId)],
  );
  return row?.count ?? 0;
}
