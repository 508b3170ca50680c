import type { Queryable } from "./database.ts";
import { requireUuid } from "./uuid.ts";

// The database writes every line as text and reads it back (import-ledger.ts): microseconds of times, digits of numbers and the text of jsonb
// go through no number or date of JavaScript and come back as they were.

/** Time with microseconds in UTC, whatever the time zone of the session is. */
const time = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** 64 bits of a row's columns, the same on every server. */
const hashOf = (columns: string) => `hashtextextended(json_build_array(${columns})::text, 0)`;

/**
 * The first lines of a corpus's ledger, one JSON object each: the corpus (kind "corpus"), its caption runs by id ("run"), its filter policies by
 * version ("policy"). Empty when there is no such corpus.
 */
export async function ledgerHead(db: Queryable, corpusId: string): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `select line from (
       select 0 as rank, '' as place, json_build_object('kind', 'corpus', 'id', c.id, 'name', c.name, 'createdAt', ${time("c.created_at")},
         'captionRunId', c.caption_run_id, 'filterPolicyId', c.filter_policy_id)::text as line
       from corpora c where c.id = $1::uuid
       union all
       select 1, r.id::text, json_build_object('kind', 'run', 'id', r.id, 'captionerFingerprint', r.captioner_fingerprint,
         'captionerName', r.captioner_name, 'prompt', r.prompt, 'decoding', r.decoding, 'captionsPerImage', r.captions_per_image,
         'supersedes', r.supersedes, 'createdAt', ${time("r.created_at")}, 'revertedAt', ${time("r.reverted_at")})::text
       from caption_runs r where r.corpus_id = $1::uuid
       union all
       select 2, lpad(p.version::text, 10, '0'), json_build_object('kind', 'policy', 'id', p.id, 'version', p.version,
         'filterFingerprint', p.filter_fingerprint, 'filterName', p.filter_name, 'rule', p.rule, 'createdAt', ${time("p.created_at")})::text
       from filter_policies p where p.corpus_id = $1::uuid
     ) as lines order by rank, place collate "C"`,
    [requireUuid("corpus", corpusId)],
  );
  return rows.map(({ line }) => line);
}

/**
 * The lines of these images, by SHA-256: each image with its origins (kind "image"), its captions by id ("caption"), then by caption their
 * scores ("score"), what each policy decided ("verdict") and their reviews in the order in which they were made ("review").
 */
export async function ledgerLinesOf(db: Queryable, imageIds: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `with wanted as materialized (
       select * from images where id = any ($1::uuid[])
     ), written as materialized (
       select c.*, wanted.sha256 from captions c join wanted on wanted.id = c.image_id
     )
     select line from (
       select i.sha256, 0 as rank, null::uuid as caption_id, '' as place, json_build_object('kind', 'image', 'id', i.id, 'sha256', i.sha256,
         'attributes', i.attributes, 'format', i.format, 'width', i.width, 'height', i.height, 'sizeBytes', i.size_bytes,
         'origins', (
           select coalesce(json_agg(json_build_object('origin', o.origin, 'createdAt', ${time("o.created_at")})
             order by o.created_at, o.origin collate "C"), '[]') from image_origins o where o.image_id = i.id),
         'createdAt', ${time("i.created_at")})::text as line
       from wanted i
       union all
       select c.sha256, 1, c.id, '', json_build_object('kind', 'caption', 'id', c.id, 'imageId', c.image_id, 'text', c.text,
         'source', c.source, 'modelFingerprint', c.model_fingerprint, 'runId', c.run_id, 'prompt', c.prompt, 'decoding', c.decoding,
         'seed', c.seed, 'logProbability', c.log_probability, 'partOf', c.part_of, 'language', c.language, 'author', c.author,
         'supersededBy', c.superseded_by, 'createdAt', ${time("c.created_at")})::text
       from written c
       union all
       select c.sha256, 2, c.id, s.filter_fingerprint, json_build_object('kind', 'score', 'captionId', c.id,
         'filterFingerprint', s.filter_fingerprint, 'itcCosine', s.itc_cosine, 'itmLogit', s.itm_logit,
         'itmNoMatchLogit', s.itm_no_match_logit, 'createdAt', ${time("s.created_at")})::text
       from written c join caption_scores s on s.caption_id = c.id
       union all
       select c.sha256, 3, c.id, v.policy_id::text, json_build_object('kind', 'verdict', 'captionId', c.id, 'policyId', v.policy_id,
         'verdict', v.verdict, 'reason', v.reason)::text
       from written c join caption_verdicts v on v.caption_id = c.id
       union all
       select c.sha256, 4, c.id, lpad(r.id::text, 20, '0'), json_build_object('kind', 'review', 'captionId', c.id, 'verdict', r.verdict,
         'reviewer', r.reviewer, 'note', r.note, 'createdAt', ${time("r.created_at")})::text
       from written c join caption_reviews r on r.caption_id = c.id
     ) as lines order by sha256 collate "C", rank, caption_id, place collate "C"`,
    [imageIds],
  );
  return rows.map(({ line }) => line);
}

/**
 * A short text that changes with whatever an export reads of a corpus: what is added, removed, exchanged or changed. An export is read page by page,
 * and this says afterwards whether the pages belong together. Counts alone would not: a picture may go and another one come. Beside them stand sums of
 * 64-bit hashes, which no order changes; texts of captions are never changed, so that their ids stand for them.
 */
export async function ledgerStamp(db: Queryable, corpusId: string): Promise<string> {
  const [row] = await db.query<{ stamp: string }>(
    `with pictures as materialized (
       select i.id, i.sha256, i.attributes, i.format, i.width, i.height, i.size_bytes from images i where i.corpus_id = $1::uuid
     ), written as materialized (
       select c.id, c.superseded_by, c.language from captions c join pictures on pictures.id = c.image_id
     ), parts (part, hash) as (
       select 'image', ${hashOf("p.sha256, p.attributes, p.format, p.width, p.height, p.size_bytes")} from pictures p
       union all
       select 'origin', ${hashOf(`p.sha256, o.origin, ${time("o.created_at")}`)}
       from image_origins o join pictures p on p.id = o.image_id
       union all
       select 'caption', ${hashOf("w.id, w.superseded_by, w.language")} from written w
       union all
       select 'score', ${hashOf(`w.id, s.filter_fingerprint, s.itc_cosine, s.itm_logit, s.itm_no_match_logit, ${time("s.created_at")}`)}
       from caption_scores s join written w on w.id = s.caption_id
       union all
       select 'verdict', ${hashOf("w.id, v.policy_id, v.verdict, v.reason")}
       from caption_verdicts v join written w on w.id = v.caption_id
       union all
       select 'review', ${hashOf(`w.id, r.verdict, r.reviewer, r.note, ${time("r.created_at")}`)}
       from caption_reviews r join written w on w.id = r.caption_id
       union all
       select 'run', ${hashOf("r.id, r.captioner_fingerprint, r.reverted_at is null")} from caption_runs r where r.corpus_id = $1::uuid
       union all
       select 'policy', ${hashOf("p.id, p.version, p.filter_fingerprint, p.rule")} from filter_policies p where p.corpus_id = $1::uuid
     )
     select json_build_array(
       (select json_build_array(name, caption_run_id, filter_policy_id) from corpora where id = $1::uuid),
       (select json_agg(json_build_array(part, count, sum) order by part)
        from (select part, count(*) as count, sum(hash)::text as sum from parts group by part) as sums)
     )::text as stamp`,
    [requireUuid("corpus", corpusId)],
  );
  if (!row) throw new Error("Bug: a select of one row returned none.");
  return row.stamp;
}

/** The last migration of this database, such as "0004_caption_ledger". */
export async function schemaVersion(db: Queryable): Promise<string> {
  const [row] = await db.query<{ version: string }>("select max(name) as version from schema_migrations", []);
  return (row?.version ?? "").replace(/\.sql$/, "");
}
