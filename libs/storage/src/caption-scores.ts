import type { CaptionSource } from "./captions.ts";
import type { Queryable } from "./database.ts";
import { requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** What a filter model thinks of a caption. */
export type CaptionScore = {
  readonly captionId: string;
  readonly filterFingerprint: string;
  readonly itcCosine: number | null;
  readonly itmLogit: number;
  /** Null in scores of before both rows of the head were kept. */
  readonly itmNoMatchLogit: number | null;
};

/** Adds scores. A caption keeps the first score of a filter, for the same model gives the same numbers, unless that was marked as stale. */
export async function saveCaptionScores(db: Queryable, scores: readonly CaptionScore[]): Promise<void> {
  if (scores.length === 0) return;
  await db.query(
    `insert into caption_scores as known (caption_id, filter_fingerprint, itc_cosine, itm_logit, itm_no_match_logit)
     select * from unnest($1::uuid[], $2::text[], $3::double precision[], $4::double precision[], $5::double precision[])
     on conflict (caption_id, filter_fingerprint) do update set
       itm_logit = case when known.stale then excluded.itm_logit else known.itm_logit end,
       itm_no_match_logit = case when known.stale then excluded.itm_no_match_logit
         else coalesce(known.itm_no_match_logit, excluded.itm_no_match_logit) end,
       itc_cosine = case when known.stale then excluded.itc_cosine else coalesce(known.itc_cosine, excluded.itc_cosine) end,
       created_at = case when known.stale then now() else known.created_at end, stale = false`,
    [
      scores.map(({ captionId }) => captionId),
      scores.map(({ filterFingerprint }) => filterFingerprint),
      scores.map(({ itcCosine }) => itcCosine),
      scores.map(({ itmLogit }) => itmLogit),
      scores.map(({ itmNoMatchLogit }) => itmNoMatchLogit),
    ],
  );
}

export type CaptionToScore = {
  readonly captionId: string;
  readonly imageId: string;
  readonly text: string;
  readonly source: CaptionSource;
  readonly language: string | null;
  readonly partOf: string | null;
  /** Whether its sentences stand in the ledger already. */
  readonly hasParts: boolean;
};

/** Captions of these images that this filter has not scored, or is to score again, oldest first. */
export function captionsToScore(
  db: Queryable,
  { imageIds, filterFingerprint }: { imageIds: readonly string[]; filterFingerprint: string },
): Promise<CaptionToScore[]> {
  return db.query<CaptionToScore>(
    `select c.id as "captionId", c.image_id as "imageId", c.text, c.source, c.language, c.part_of as "partOf",
       exists (select from captions part where part.part_of = c.id) as "hasParts"
     from captions c
     where c.image_id = any ($1::uuid[]) and not exists (
       select from caption_scores s
       where s.caption_id = c.id and s.filter_fingerprint = $2::text and s.itm_no_match_logit is not null and not s.stale)
     order by c.created_at, c.id`,
    [imageIds, filterFingerprint],
  );
}

/** Opens the step "filter" again where captions have no score of this filter, such as after a change of the model. Returns how many. */
export async function reopenUnscored(
  db: Queryable,
  { corpusId, filterFingerprint }: { corpusId: string; filterFingerprint: string },
): Promise<number> {
  const opened = await db.query(
    `update image_steps step set state = 'pending', attempts = 0, next_attempt_at = now(), updated_at = now()
     where step.corpus_id = $1::uuid and step.step = 'filter' and step.state = 'done' and exists (
       select from captions c where c.image_id = step.image_id and c.language is distinct from 'zxx' and not exists (
         select from captions part where part.part_of = c.id)
       and not exists (
         select from caption_scores s where s.caption_id = c.id and s.filter_fingerprint = $2::text))
     returning step.id`,
    [requireUuid("corpus", corpusId), filterFingerprint],
  );
  if (opened.length > 0) await wakeCorpus(db, corpusId);
  return opened.length;
}

/**
 * How many captions of each image this filter is to score: those that it has not scored, or with `everything` all. Images without any are left out,
 * and so are texts without words and those that are judged by their sentences.
 */
export function countToScore(
  db: Queryable,
  {
    imageIds,
    filterFingerprint,
    everything,
  }: { imageIds: readonly string[]; filterFingerprint: string; everything: boolean },
): Promise<{ imageId: string; captions: number }[]> {
  return db.query(
    `select c.image_id as "imageId", count(*)::integer as captions from captions c
     where c.image_id = any ($1::uuid[]) and c.language is distinct from 'zxx'
       and not exists (select from captions part where part.part_of = c.id)
       and ($3::boolean or not exists (
         select from caption_scores s where s.caption_id = c.id and s.filter_fingerprint = $2::text
           and s.itm_no_match_logit is not null and not s.stale))
     group by c.image_id order by c.image_id`,
    [imageIds, filterFingerprint, everything],
  );
}

/** Has this filter score the captions of these images again; the scores that they have count until then. */
export async function markScoresStale(
  db: Queryable,
  { imageIds, filterFingerprint }: { imageIds: readonly string[]; filterFingerprint: string },
): Promise<void> {
  await db.query(
    `update caption_scores s set stale = true from captions c
     where c.image_id = any ($1::uuid[]) and s.caption_id = c.id and s.filter_fingerprint = $2::text`,
    [imageIds, filterFingerprint],
  );
}
