import type { CaptionReason, CaptionSource, CaptionVerdict } from "./captions.ts";
import type { Queryable } from "./database.ts";
import { matchProbabilitySql } from "./filter-policies.ts";
import type { Attributes } from "./images.ts";
import { requireUuid } from "./uuid.ts";

/** A picture as it leaves the installation. */
export type ExportedImage = {
  readonly id: string;
  readonly sha256: string;
  readonly attributes: Attributes;
  readonly format: string | null;
  readonly width: number | null;
  readonly height: number | null;
  /** Oldest first. */
  readonly origins: readonly string[];
};

/** A caption with what decided about it: the score of the active policy's filter, and the verdict that counts now. */
export type ExportedCaption = {
  readonly id: string;
  readonly imageId: string;
  readonly text: string;
  readonly source: CaptionSource;
  readonly partOf: string | null;
  readonly language: string | null;
  readonly author: string | null;
  readonly runId: string | null;
  readonly captionerFingerprint: string | null;
  readonly prompt: string | null;
  readonly decoding: unknown;
  readonly seed: number | null;
  readonly logProbability: number | null;
  readonly filterFingerprint: string | null;
  readonly policyVersion: number | null;
  readonly itcCosine: number | null;
  readonly itmLogit: number | null;
  readonly itmNoMatchLogit: number | null;
  /** By the active policy's rule; null without a policy or a score. */
  readonly matchProbability: number | null;
  readonly verdict: CaptionVerdict | null;
  readonly reason: CaptionReason | null;
  /** Who reviewed it last. */
  readonly reviewer: string | null;
  /** UTC with microseconds. */
  readonly createdAt: string;
};

/** A page of a corpus's pictures by SHA-256; `after` is the last SHA-256 of the page before. */
export function exportedImages(
  db: Queryable,
  corpusId: string,
  page: { after: string | null; limit: number },
): Promise<ExportedImage[]> {
  return db.query<ExportedImage>(
    `select i.id, i.sha256, i.attributes, i.format, i.width, i.height,
       array(select o.origin from image_origins o where o.image_id = i.id order by o.created_at, o.origin collate "C") as origins
     from images i
     where i.corpus_id = $1::uuid and ($2::text is null or i.sha256 > $2::text)
     order by i.sha256 limit $3::integer`,
    [requireUuid("corpus", corpusId), page.after, page.limit],
  );
}

/** Every caption of these images, kept or not, by id. */
export function exportedCaptions(db: Queryable, imageIds: readonly string[]): Promise<ExportedCaption[]> {
  return db.query<ExportedCaption>(
    `select c.id, c.image_id as "imageId", c.text, c.source, c.part_of as "partOf", c.language, c.author, c.run_id as "runId",
       c.model_fingerprint as "captionerFingerprint", c.prompt, c.decoding, c.seed::double precision as seed,
       c.log_probability as "logProbability", p.filter_fingerprint as "filterFingerprint", p.version as "policyVersion",
       s.itc_cosine as "itcCosine", s.itm_logit as "itmLogit", s.itm_no_match_logit as "itmNoMatchLogit",
       ${matchProbabilitySql("p.rule")} as "matchProbability", state.verdict, state.reason, state.reviewer,
       to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"
     from captions c
     join caption_states state on state.caption_id = c.id
     join corpora on corpora.id = state.corpus_id
     left join filter_policies p on p.id = corpora.filter_policy_id
     left join caption_scores s on s.caption_id = c.id and s.filter_fingerprint = p.filter_fingerprint
     where c.image_id = any ($1::uuid[])
     order by c.id`,
    [imageIds],
  );
}
