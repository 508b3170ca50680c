import type { Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

/** What a line of a ledger is about; see export-ledger.ts, which writes them. */
export const LEDGER_KINDS = ["corpus", "run", "policy", "image", "caption", "score", "verdict", "review"] as const;
export type LedgerKind = (typeof LEDGER_KINDS)[number];

/** Lines of one kind, in the order of the ledger. */
export type LedgerLines = { readonly kind: LedgerKind; readonly lines: readonly string[] };

/**
 * Adds lines of a ledger as rows with their own ids and times. Call it in a transaction, first with the corpus, then in the order of the ledger;
 * an image's captions must come in one call, because they refer to one another.
 * @param name  what the corpus is called here
 * @throws StorageError INVALID_VALUE when a line refers to something of another corpus or to nothing
 */
export async function importLedgerLines(
  db: Queryable,
  { corpusId, name }: { corpusId: string; name: string },
  { kind, lines }: LedgerLines,
): Promise<void> {
  if (lines.length === 0) return;
  requireUuid("corpus", corpusId);
  const [row] = await db.query<{ saved: number }>(INSERTS[kind], [lines, kind === "corpus" ? name : corpusId]);
  if (row?.saved === lines.length) return;
  throw new StorageError(
    "INVALID_VALUE",
    `${lines.length - (row?.saved ?? 0)} of ${lines.length} lines of kind "${kind}" refer to a picture, caption or policy that is not in the corpus. Is the ledger complete?`,
  );
}

/** Points the corpus to the run and the policy that count, once these are there. */
export async function importLedgerPointers(db: Queryable, corpusLine: string): Promise<void> {
  await db.query(
    `update corpora set caption_run_id = line."captionRunId", filter_policy_id = line."filterPolicyId"
     from jsonb_to_record($1::jsonb) as line (id uuid, "captionRunId" uuid, "filterPolicyId" uuid) where corpora.id = line.id`,
    [corpusLine],
  );
}

const records = (columns: string) =>
  `from unnest($1::text[]) with ordinality as given (line, place), jsonb_to_record(given.line::jsonb) as line (${columns})`;
const counted = (insert: string) =>
  `with saved as (${insert} returning 1) select count(*)::integer as saved from saved`;
/** A ledger may name captions of other corpora of this installation; nothing is added to those. */
const OF_THIS_CORPUS = `join captions on captions.id = line."captionId"
    join images on images.id = captions.image_id and images.corpus_id = $2::uuid`;

const INSERTS: Readonly<Record<LedgerKind, string>> = {
  corpus: counted(`insert into corpora (id, name, created_at) select line.id, $2::text, line."createdAt"
    ${records(`id uuid, "createdAt" timestamptz`)}`),
  run: counted(`insert into caption_runs (id, corpus_id, captioner_fingerprint, captioner_name, prompt, decoding, captions_per_image,
      supersedes, created_at, reverted_at)
    select line.id, $2::uuid, line."captionerFingerprint", line."captionerName", line.prompt, line.decoding, line."captionsPerImage",
      coalesce(line.supersedes, false), line."createdAt", line."revertedAt"
    ${records(`id uuid, "captionerFingerprint" text, "captionerName" text, prompt text, decoding jsonb, "captionsPerImage" integer,
      supersedes boolean, "createdAt" timestamptz, "revertedAt" timestamptz`)}`),
  policy:
    counted(`insert into filter_policies (id, corpus_id, version, filter_fingerprint, filter_name, rule, created_at)
    select line.id, $2::uuid, line.version, line."filterFingerprint", line."filterName", line.rule, line."createdAt"
    ${records(`id uuid, version integer, "filterFingerprint" text, "filterName" text, rule jsonb, "createdAt" timestamptz`)}`),
  // Origins in the same statement: their foreign key is checked at its end.
  image: `with line as materialized (
      select line.* ${records(`id uuid, sha256 text, attributes jsonb, format text, width integer, height integer, "sizeBytes" bigint,
        origins jsonb, "createdAt" timestamptz`)}
    ), saved as (
      insert into images (id, corpus_id, sha256, attributes, format, width, height, size_bytes, created_at)
      select line.id, $2::uuid, line.sha256, line.attributes, line.format, line.width, line.height, line."sizeBytes", line."createdAt" from line
      returning 1
    ), placed as (
      insert into image_origins (image_id, origin, created_at)
      select line.id, origin.origin, origin."createdAt"
      from line, jsonb_to_recordset(line.origins) as origin (origin text, "createdAt" timestamptz)
    )
    select count(*)::integer as saved from saved`,
  caption:
    counted(`insert into captions (id, image_id, text, source, model_fingerprint, run_id, prompt, decoding, seed, log_probability, part_of,
      language, author, superseded_by, created_at)
    select line.id, images.id, line.text, line.source, line."modelFingerprint", line."runId", line.prompt, line.decoding, line.seed,
      line."logProbability", line."partOf", line.language, line.author, line."supersededBy", line."createdAt"
    ${records(`id uuid, "imageId" uuid, text text, source text, "modelFingerprint" text, "runId" uuid, prompt text, decoding jsonb, seed bigint,
      "logProbability" double precision, "partOf" uuid, language text, author text, "supersededBy" uuid, "createdAt" timestamptz`)}
    join images on images.id = line."imageId" and images.corpus_id = $2::uuid`),
  score:
    counted(`insert into caption_scores (caption_id, filter_fingerprint, itc_cosine, itm_logit, itm_no_match_logit, created_at)
    select line."captionId", line."filterFingerprint", line."itcCosine", line."itmLogit", line."itmNoMatchLogit", line."createdAt"
    ${records(`"captionId" uuid, "filterFingerprint" text, "itcCosine" double precision, "itmLogit" double precision,
      "itmNoMatchLogit" double precision, "createdAt" timestamptz`)}
    ${OF_THIS_CORPUS}`),
  verdict: counted(`insert into caption_verdicts (policy_id, caption_id, verdict, reason)
    select p.id, line."captionId", line.verdict, line.reason
    ${records(`"captionId" uuid, "policyId" uuid, verdict text, reason text`)}
    join filter_policies p on p.id = line."policyId" and p.corpus_id = $2::uuid
    ${OF_THIS_CORPUS}`),
  // Their numbers only order them, and other corpora may have taken the same ones: new numbers in the old order.
  review: counted(`insert into caption_reviews (caption_id, verdict, reviewer, note, created_at)
    select line."captionId", line.verdict, line.reviewer, line.note, line."createdAt"
    ${records(`"captionId" uuid, verdict text, reviewer text, note text, "createdAt" timestamptz`)}
    ${OF_THIS_CORPUS}
    order by given.place`),
};
