import type { Queryable } from "./database.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** Pictures that look the same differ in at most so many of the 64 bits of their hashes, and their embeddings' cosine is at least this. */
export const NEAR_DUPLICATE = { mostDifferentBits: 9, leastCosine: 0.85 } as const;
/** A picture is marked with the nearest of its kind: a thousand times the same logo would be half a million pairs. */
const MOST_PER_IMAGE = 100;

/**
 * Hashes that differ in at most 9 bits differ in at most 1 bit in one of their five parts. So the candidates of a picture are those that have one of
 * 14 values there: its own, and its own with one bit turned over.
 */
const MASKS = [0, ...Array.from({ length: 13 }, (_, bit) => 2 ** bit)];
/** Of a hash; the same expressions are indexed (migrations/0015_mark_near_duplicates.sql). */
const PARTS: readonly ((hash: string) => string)[] = [
  (hash) => `(${hash} & 8191)`,
  (hash) => `((${hash} >> 13) & 8191)`,
  (hash) => `((${hash} >> 26) & 8191)`,
  (hash) => `((${hash} >> 39) & 8191)`,
  (hash) => `((${hash} >> 52) & 4095)`,
];

/**
 * Saves the perceptual hash of images, 16 hexadecimal digits each; null for one that has none. Returns the images whose hash is another one than
 * before: their pairs are to be marked again where they are embedded already.
 */
export async function savePerceptualHashes(
  db: Queryable,
  hashes: readonly { readonly imageId: string; readonly perceptualHash: string | null }[],
): Promise<string[]> {
  const changed = await db.query<{ id: string }>(
    `update images set perceptual_hash = row.hash
     from (select id, ('x' || hash)::bit(64)::bigint as hash from unnest($1::uuid[], $2::text[]) as given (id, hash)) as row
     where images.id = row.id and images.perceptual_hash is distinct from row.hash returning images.id`,
    [hashes.map(({ imageId }) => requireUuid("image", imageId)), hashes.map(({ perceptualHash }) => perceptualHash)],
  );
  return changed.map(({ id }) => id);
}

/**
 * Holds up everybody else who marks pairs of this corpus until the transaction ends: of two pictures that are embedded at the same time the later one
 * must see the earlier one. Call it before their embeddings are saved.
 */
export async function lockNearDuplicates(db: Queryable, corpusId: string): Promise<void> {
  await db.query("select from corpora where id = $1::uuid for no key update", [requireUuid("corpus", corpusId)]);
}

/**
 * Marks the pairs that these images are part of, in place of what was marked for them before. Images without a hash, or without an embedding in the
 * space, have none yet. Call it in the transaction that saves the embeddings or the hashes, behind lockNearDuplicates.
 */
export async function markNearDuplicates(
  db: Queryable,
  { spaceId, imageIds }: { spaceId: string; imageIds: readonly string[] },
): Promise<void> {
  if (imageIds.length === 0) return;
  const given = [requireUuid("space", spaceId), imageIds];
  await db.query(
    "delete from near_duplicates where space_id = $1::uuid and (image_id = any ($2::uuid[]) or other_id = any ($2::uuid[]))",
    given,
  );
  // Without numbers about the parts the planner would read the whole table for a batch.
  await db.query(PLANNER, ["off"]);
  await db.query(MARK, [...given, MASKS, NEAR_DUPLICATE.mostDifferentBits, NEAR_DUPLICATE.leastCosine, MOST_PER_IMAGE]);
  await db.query(PLANNER, ["on"]);
}

const PLANNER = `select set_config('enable_seqscan', $1::text, true), set_config('enable_hashjoin', $1::text, true),
  set_config('enable_mergejoin', $1::text, true)`;

const MARK = `with fresh as materialized (
    select i.id, i.corpus_id, i.perceptual_hash as hash, e.embedding
    from images i join embeddings e on e.space_id = $1::uuid and e.image_id = i.id
    where i.id = any ($2::uuid[]) and i.perceptual_hash is not null
  ), candidates as (
    ${PARTS.map(
      (part) => `select f.id, i.id as other_id, bit_count((i.perceptual_hash # f.hash)::bit(64)) as bits
    from fresh f cross join unnest($3::bigint[]) as mask
    join images i on i.corpus_id = f.corpus_id and i.perceptual_hash is not null
      and ${part("i.perceptual_hash")} = (${part("f.hash")} # mask)
    where i.id <> f.id and bit_count((i.perceptual_hash # f.hash)::bit(64)) <= $4::integer`,
    ).join("\n    union\n    ")}
  ), judged as (
    select c.id, c.other_id, c.bits, greatest(-1, least(1, -(f.embedding <#> e.embedding))) as cosine
    from candidates c join fresh f on f.id = c.id join embeddings e on e.space_id = $1::uuid and e.image_id = c.other_id
  ), ranked as (
    select judged.*, row_number() over (partition by id order by bits, cosine desc, other_id) as place
    from judged where cosine >= $5::double precision
  )
  insert into near_duplicates (space_id, image_id, other_id, hash_distance, itc_cosine)
  select $1::uuid, least(id, other_id), greatest(id, other_id), min(bits), max(cosine)
  from ranked where place <= $6::integer group by 2, 3
  on conflict (space_id, image_id, other_id) do update
  set hash_distance = excluded.hash_distance, itc_cosine = excluded.itc_cosine`;

/** A picture that looks like another one. */
export type NearDuplicate = {
  readonly imageId: string;
  /** Different bits of the two perceptual hashes, 0 to 64. */
  readonly hashDistance: number;
  /** Cosine of the two embeddings. */
  readonly itcCosine: number;
};

/** The near-duplicates of each image in the space that answers for its corpus, nearest first; every id asked for is a key. */
export async function nearDuplicatesOf(
  db: Queryable,
  imageIds: readonly string[],
): Promise<Map<string, NearDuplicate[]>> {
  const byImage = new Map<string, NearDuplicate[]>(imageIds.map((imageId) => [imageId, []]));
  const rows = await db.query<NearDuplicate & { of: string }>(
    `select wanted.id as of, pair.other as "imageId", pair.hash_distance as "hashDistance", pair.itc_cosine as "itcCosine"
     from unnest($1::uuid[]) as wanted (id) join images i on i.id = wanted.id join corpora c on c.id = i.corpus_id
     cross join lateral (
       select other_id as other, hash_distance, itc_cosine from near_duplicates
       where image_id = wanted.id and space_id = c.active_space_id
       union all
       select image_id, hash_distance, itc_cosine from near_duplicates
       where other_id = wanted.id and space_id = c.active_space_id
       order by 2, 3 desc, 1 limit $2::integer
     ) as pair
     order by pair.hash_distance, pair.itc_cosine desc, pair.other`,
    [imageIds.filter(isUuid), MOST_PER_IMAGE],
  );
  for (const { of, ...pair } of rows) byImage.get(of)?.push(pair);
  return byImage;
}

/** Two pictures that look the same, with where each came from first. */
export type NearDuplicatePair = Omit<NearDuplicate, "imageId"> & {
  readonly imageId: string;
  readonly origin: string | null;
  readonly otherId: string;
  readonly otherOrigin: string | null;
};

/** A page of a corpus's pairs in the space that answers for it, by the ids of both; `after` is the last pair of the page before. */
export function listNearDuplicates(
  db: Queryable,
  corpusId: string,
  page: { readonly after?: Pick<NearDuplicatePair, "imageId" | "otherId"> | null; readonly limit: number },
): Promise<NearDuplicatePair[]> {
  const originOf = (id: string) =>
    `(select o.origin from image_origins o where o.image_id = ${id} order by o.created_at, o.origin limit 1)`;
  return db.query<NearDuplicatePair>(
    `select n.image_id as "imageId", ${originOf("n.image_id")} as origin, n.other_id as "otherId",
       ${originOf("n.other_id")} as "otherOrigin", n.hash_distance as "hashDistance", n.itc_cosine as "itcCosine"
     from corpora c join near_duplicates n on n.space_id = c.active_space_id
     join images i on i.id = n.image_id and i.corpus_id = c.id
     where c.id = $1::uuid and ($2::uuid is null or (n.image_id, n.other_id) > ($2::uuid, $3::uuid))
     order by n.image_id, n.other_id limit $4::integer`,
    [requireUuid("corpus", corpusId), page.after?.imageId ?? null, page.after?.otherId ?? null, page.limit],
  );
}
