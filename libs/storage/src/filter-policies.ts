import type { CaptionReason, CaptionSource, CaptionVerdict } from "./captions.ts";
import type { Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";

/** What turns scores into verdicts. Every member is a number or a name, so that a database can decide without a model. */
export type FilterRule = {
  /**
   * Match probability = 1 / (1 + exp(-(slope * (itmLogit - itmNoMatchLogit) + offset))). Slope 1 and offset 0 are BLIP's own rule, the
   * softmax over both rows of the matching head; other values are a calibration.
   */
  readonly slope: number;
  readonly offset: number;
  /** Least match probability of a caption that is kept, by source. Texts of people are never judged. */
  readonly keepFrom: Readonly<Record<Exclude<CaptionSource, "HUMAN">, number>>;
  /** Least share of different words: gates "a dog a dog a dog". 0 gates nothing. */
  readonly leastDistinctWords: number;
  /** Only the best so many synthetic captions of a picture are kept; null keeps all that pass. */
  readonly bestOf: number | null;
  /** Texts known to be in another language than these (ISO 639-1) are left unjudged; "und" is never left out. Empty judges all. */
  readonly languages: readonly string[];
};

export type FilterPolicy = {
  readonly id: string;
  readonly corpusId: string;
  /** From 1, without gaps, within the corpus. */
  readonly version: number;
  readonly filterFingerprint: string;
  readonly filterName: string;
  readonly rule: FilterRule;
  readonly createdAt: Date;
  readonly active: boolean;
};

export type NewFilterPolicy = Pick<FilterPolicy, "corpusId" | "filterFingerprint" | "filterName" | "rule">;

const COLUMNS = `p.id, p.corpus_id as "corpusId", p.version, p.filter_fingerprint as "filterFingerprint",
  p.filter_name as "filterName", p.rule, p.created_at as "createdAt", coalesce(corpora.filter_policy_id = p.id, false) as active`;

/**
 * The policy of this corpus with this filter and rule: the latest equal one, or a new version. It decides nothing yet and does not count
 * yet. Call it in a transaction.
 */
export async function ensureFilterPolicy(db: Queryable, policy: NewFilterPolicy): Promise<FilterPolicy> {
  const corpusId = requireUuid("corpus", policy.corpusId);
  // One at a time: the version follows from those that are there.
  await db.query("select id from corpora where id = $1::uuid for update", [corpusId]);
  const [known] = await db.query<FilterPolicy>(
    `select ${COLUMNS} from filter_policies p join corpora on corpora.id = p.corpus_id
     where p.corpus_id = $1::uuid and p.filter_fingerprint = $2::text and p.rule = $3::jsonb order by p.version desc limit 1`,
    [corpusId, policy.filterFingerprint, JSON.stringify(policy.rule)],
  );
  if (known) return known;
  const [created] = await db.query<FilterPolicy>(
    `insert into filter_policies as p (corpus_id, version, filter_fingerprint, filter_name, rule)
     select corpora.id, coalesce((select max(version) from filter_policies where corpus_id = corpora.id), 0) + 1,
       $2::text, $4::text, $3::jsonb
     from corpora where corpora.id = $1::uuid
     returning p.id, p.corpus_id as "corpusId", p.version, p.filter_fingerprint as "filterFingerprint",
       p.filter_name as "filterName", p.rule, p.created_at as "createdAt", false as active`,
    [corpusId, policy.filterFingerprint, JSON.stringify(policy.rule), policy.filterName],
  );
  if (!created) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
  return created;
}

/** From the next statement on this policy's verdicts count. */
export async function activateFilterPolicy(db: Queryable, policyId: string): Promise<void> {
  const activated = await db.query(
    `update corpora set filter_policy_id = p.id from filter_policies p
     where p.id = $1::uuid and corpora.id = p.corpus_id returning corpora.id`,
    [policyId],
  );
  if (activated.length === 0) throw new StorageError("NOT_FOUND", `There is no filter policy "${policyId}".`);
}

export async function activeFilterPolicy(db: Queryable, corpusId: string): Promise<FilterPolicy | null> {
  const [policy] = await db.query<FilterPolicy>(
    `select ${COLUMNS} from corpora join filter_policies p on p.id = corpora.filter_policy_id where corpora.id = $1::uuid`,
    [requireUuid("corpus", corpusId)],
  );
  return policy ?? null;
}

export function listFilterPolicies(db: Queryable, corpusId: string): Promise<FilterPolicy[]> {
  return db.query<FilterPolicy>(
    `select ${COLUMNS} from filter_policies p join corpora on corpora.id = p.corpus_id
     where p.corpus_id = $1::uuid order by p.version desc`,
    [requireUuid("corpus", corpusId)],
  );
}

/** By a rule, from the row `s` of caption_scores; null where there is none. exp() is kept from overflowing. */
export function matchProbabilitySql(rule: string): string {
  return `case when s.itm_no_match_logit is not null then
        1 / (1 + exp(-least(700, greatest(-700, (${rule} ->> 'slope')::double precision * (s.itm_logit - s.itm_no_match_logit)
          + (${rule} ->> 'offset')::double precision)))) end`;
}

// The corpus stands as a scalar: joined as a column, the planner took its pictures for a handful and looked up a million captions one by one.
const DECISIONS = `
  judged as (
    select c.id, c.image_id, c.source, policy.id as policy_id, policy.rule, c.distinct_words, c.language,
      exists (select from captions part where part.part_of = c.id) as has_parts,
      ${matchProbabilitySql("policy.rule")} as probability
    from policy
    join images i on i.corpus_id = (select corpus_id from policy) and ($2::uuid[] is null or i.id = any ($2::uuid[]))
    join captions c on c.image_id = i.id and c.source <> 'HUMAN'
    left join caption_runs run on run.id = c.run_id
    left join caption_scores s on s.caption_id = c.id and s.filter_fingerprint = policy.filter_fingerprint
      and s.itm_no_match_logit is not null
    where run.reverted_at is null and c.superseded_by is null
  ), ranked as (
    select judged.*, row_number() over (
      partition by image_id, source order by probability desc nulls last, id) as place
    from judged
  ), decided as (
    select policy_id, id as caption_id,
      case
        when language = 'zxx' then 'WORDLESS'
        when has_parts then 'JUDGED_BY_SENTENCES'
        when language is not null and language <> 'und' and jsonb_array_length(rule -> 'languages') > 0
          and not (rule -> 'languages') ? language then 'OTHER_LANGUAGE'
        when probability is null then null
        when distinct_words < (rule ->> 'leastDistinctWords')::double precision then 'REPETITIVE'
        when probability < (rule -> 'keepFrom' ->> source)::double precision then 'BELOW_THRESHOLD'
        when source = 'SYNTHETIC' and place > (rule ->> 'bestOf')::integer then 'NOT_AMONG_BEST'
        else 'MATCHES'
      end as reason
    from ranked
  )`;

const VERDICT_OF_REASON = `case reason
  when 'MATCHES' then 'KEPT' when 'JUDGED_BY_SENTENCES' then 'UNJUDGED' when 'OTHER_LANGUAGE' then 'UNJUDGED' when 'WORDLESS' then 'UNJUDGED'
  else 'REJECTED' end`;

/**
 * Decides the captions of a corpus under a policy, from stored scores alone: no model is asked. Captions without a score stay undecided.
 * Deciding again under the same policy changes only what new scores or captions have changed.
 * @param imageIds the pictures whose captions to decide; null: all of the corpus
 * @returns how many verdicts were added or changed
 */
export async function decideCaptions(
  db: Queryable,
  { policyId, imageIds }: { policyId: string; imageIds: readonly string[] | null },
): Promise<number> {
  const [row] = await db.query<{ changed: number }>(
    `with policy as (select * from filter_policies where id = $1::uuid), ${DECISIONS}, saved as (
       insert into caption_verdicts as known (policy_id, caption_id, verdict, reason)
       select policy_id, caption_id, ${VERDICT_OF_REASON}, reason from decided where reason is not null
       -- In the order of the key: every page of the index is written once.
       order by caption_id
       on conflict (policy_id, caption_id) do update set verdict = excluded.verdict, reason = excluded.reason
         where known.reason <> excluded.reason
       returning 1
     )
     select count(*)::integer as changed from saved`,
    [policyId, imageIds],
  );
  return row?.changed ?? 0;
}

/** Pictures with captions that this policy has not decided: what came while it was being decided, or waits for its scores. */
export async function undecidedImages(db: Queryable, policyId: string): Promise<string[]> {
  const rows = await db.query<{ imageId: string }>(
    `select distinct c.image_id as "imageId"
     from filter_policies policy join images i on i.corpus_id = policy.corpus_id
     join captions c on c.image_id = i.id and c.source <> 'HUMAN'
     where policy.id = $1::uuid
       and not exists (select from caption_verdicts v where v.caption_id = c.id and v.policy_id = policy.id)`,
    [policyId],
  );
  return rows.map(({ imageId }) => imageId);
}

export type VerdictCount = {
  readonly source: CaptionSource;
  /** Null: still to be judged. */
  readonly verdict: CaptionVerdict | null;
  readonly reason: CaptionReason | null;
  readonly captions: number;
};

/** How many captions of a corpus have which verdict and why. */
export function countVerdicts(db: Queryable, corpusId: string): Promise<VerdictCount[]> {
  return db.query<VerdictCount>(
    `select c.source, s.verdict, s.reason, count(*)::integer as captions
     from caption_states s join captions c on c.id = s.caption_id
     where s.corpus_id = $1::uuid group by 1, 2, 3 order by 1, 2 nulls last, 3`,
    [requireUuid("corpus", corpusId)],
  );
}

/** A person's decision about a caption; the latest one stands above every policy. */
export async function reviewCaption(
  db: Queryable,
  review: { captionId: string; verdict: "KEPT" | "REJECTED"; reviewer: string; note?: string | undefined },
): Promise<void> {
  if (!isUuid(review.captionId)) throw new StorageError("NOT_FOUND", `There is no caption "${review.captionId}".`);
  const saved = await db.query(
    `insert into caption_reviews (caption_id, verdict, reviewer, note)
     select id, $2::text, $3::text, $4::text from captions where id = $1::uuid returning id`,
    [review.captionId, review.verdict, review.reviewer, review.note ?? null],
  );
  if (saved.length === 0) throw new StorageError("NOT_FOUND", `There is no caption "${review.captionId}".`);
}
