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

/** Adds scores. A caption keeps the first score of a filter: the same model gives the same numbers. */
export async function saveCaptionScores(db: Queryable, scores: readonly CaptionScore[]): Promise<void> {
  if (scores.length === 0) return;
  await db.query(
    `insert into caption_scores as known (caption_id, filter_fingerprint, itc_cosine, itm_logit, itm_no_match_logit)
     select * from unnest($1::uuid[], $2::text[], $3::double precision[], $4::double precision[], $5::double precision[])
     on conflict (caption_id, filter_fingerprint) do update set
       itm_no_match_logit = coalesce(known.itm_no_match_logit, excluded.itm_no_match_logit),
       itc_cosine = coalesce(known.itc_cosine, excluded.itc_cosine)`,
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

/** Captions of these images that this filter has not scored, oldest first. */
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
       where s.caption_id = c.id and s.filter_fingerprint = $2::text and s.itm_no_match_logit is not null)
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
