import { type Caption, type CaptionReason, type CaptionVerdict, findCaption } from "./captions.ts";
import type { CaptionRun } from "./caption-runs.ts";
import type { CaptionScore } from "./caption-scores.ts";
import type { Queryable } from "./database.ts";
import { type FilterRule, matchProbabilitySql } from "./filter-policies.ts";

/** Everything that led to what a caption counts for. */
export type CaptionExplanation = {
  readonly caption: Caption;
  readonly run: Pick<CaptionRun, "id" | "captionerName" | "createdAt" | "revertedAt"> | null;
  /** One for each filter that has seen it. */
  readonly scores: readonly CaptionScore[];
  /** What each policy decided, newest first; the active one counts unless a person reviewed the caption. */
  readonly decisions: readonly CaptionDecision[];
  /** Newest first; the first one counts. */
  readonly reviews: readonly {
    readonly verdict: CaptionVerdict;
    readonly reviewer: string;
    readonly note: string | null;
    readonly at: Date;
  }[];
  /** Share of different words, 0..1, and the number of words. */
  readonly distinctWords: number;
  readonly words: number;
  /** Ids of the sentences that are judged in place of this text. */
  readonly parts: readonly string[];
};

export type CaptionDecision = {
  readonly policyId: string;
  readonly version: number;
  readonly active: boolean;
  readonly filterFingerprint: string;
  readonly rule: FilterRule;
  readonly verdict: CaptionVerdict;
  readonly reason: CaptionReason;
  /** By the policy's rule from the filter's logits; null where that filter has not scored the caption. */
  readonly matchProbability: number | null;
};

/** Why a caption was kept or rejected, with every number; null when there is none with this id. */
export async function explainCaption(db: Queryable, captionId: string): Promise<CaptionExplanation | null> {
  const caption = await findCaption(db, captionId);
  if (!caption) return null;
  const [facts] = await db.query<Omit<CaptionExplanation, "caption" | "scores" | "decisions" | "reviews">>(
    `select c.distinct_words as "distinctWords", c.word_count as words,
       array(select part.id from captions part where part.part_of = c.id order by part.created_at, part.id) as parts,
       case when r.id is not null then json_build_object('id', r.id, 'captionerName', r.captioner_name, 'createdAt', r.created_at,
         'revertedAt', r.reverted_at) end as run
     from captions c left join caption_runs r on r.id = c.run_id where c.id = $1::uuid`,
    [captionId],
  );
  if (!facts) return null;
  const scores = await db.query<CaptionScore>(
    `select caption_id as "captionId", filter_fingerprint as "filterFingerprint", itc_cosine as "itcCosine", itm_logit as "itmLogit",
       itm_no_match_logit as "itmNoMatchLogit"
     from caption_scores where caption_id = $1::uuid order by created_at, filter_fingerprint`,
    [captionId],
  );
  const decisions = await db.query<CaptionDecision>(
    `select p.id as "policyId", p.version, coalesce(corpora.filter_policy_id = p.id, false) as active,
       p.filter_fingerprint as "filterFingerprint", p.rule, v.verdict, v.reason,
       ${matchProbabilitySql("p.rule")} as "matchProbability"
     from caption_verdicts v join filter_policies p on p.id = v.policy_id join corpora on corpora.id = p.corpus_id
     left join caption_scores s on s.caption_id = v.caption_id and s.filter_fingerprint = p.filter_fingerprint
     where v.caption_id = $1::uuid order by p.version desc`,
    [captionId],
  );
  const reviews = await db.query<CaptionExplanation["reviews"][number]>(
    `select verdict, reviewer, note, created_at as at from caption_reviews where caption_id = $1::uuid order by id desc`,
    [captionId],
  );
  return { ...facts, caption, scores, decisions, reviews };
}
