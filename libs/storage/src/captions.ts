import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { reopenSteps } from "./steps.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";

export type CaptionSource = "WEB" | "SYNTHETIC" | "HUMAN" | "IMPORTED";
export type CaptionVerdict = "KEPT" | "REJECTED";

/** One row of the ledger. What is null is not known (yet). */
export type Caption = {
  readonly id: string;
  readonly imageId: string;
  readonly text: string;
  readonly source: CaptionSource;
  readonly modelFingerprint: string | null;
  /** How the captioner decoded: `{ "method": "beam", "beams": 3 }`. */
  readonly decoding: unknown;
  readonly seed: number | null;
  /** Sum of the natural logarithms of the probabilities of the generated tokens. */
  readonly logProbability: number | null;
  /** The model that gave itcCosine and itmLogit. */
  readonly filterFingerprint: string | null;
  readonly itcCosine: number | null;
  readonly itmLogit: number | null;
  readonly verdict: CaptionVerdict | null;
  readonly createdAt: Date;
};

export type NewCaption = Pick<Caption, "imageId" | "text" | "source"> & {
  [Field in Exclude<keyof Caption, "id" | "imageId" | "text" | "source" | "createdAt">]?: Caption[Field] | undefined;
};

const COLUMNS = `id, image_id as "imageId", text, source, model_fingerprint as "modelFingerprint", decoding,
  seed::double precision as seed, log_probability as "logProbability",
  filter_fingerprint as "filterFingerprint", itc_cosine as "itcCosine", itm_logit as "itmLogit", verdict,
  created_at as "createdAt"`;

/**
 * Appends a caption. The same image, source, model, decoding and text again is the same row: scores and verdict that it
 * lacks are filled in, those it has stay.
 */
export async function addCaption(db: Queryable, caption: NewCaption): Promise<Caption> {
  const text = withoutZeros(caption.text).trim();
  if (text === "") throw new StorageError("INVALID_VALUE", `The caption of image "${caption.imageId}" is empty.`);
  const [row] = await db.query<Caption>(
    `insert into captions as known (image_id, text, source, model_fingerprint, decoding, seed, log_probability,
       filter_fingerprint, itc_cosine, itm_logit, verdict)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::jsonb, $6::bigint, $7::double precision,
       $8::text, $9::double precision, $10::double precision, $11::text)
     on conflict (image_id, source, model_fingerprint, decoding, md5(text)) do update set
       log_probability = coalesce(known.log_probability, excluded.log_probability),
       filter_fingerprint = coalesce(known.filter_fingerprint, excluded.filter_fingerprint),
       itc_cosine = coalesce(known.itc_cosine, excluded.itc_cosine),
       itm_logit = coalesce(known.itm_logit, excluded.itm_logit),
       verdict = coalesce(known.verdict, excluded.verdict)
     returning ${COLUMNS}`,
    [
      requireUuid("image", caption.imageId),
      text,
      caption.source,
      caption.modelFingerprint ?? null,
      caption.decoding == null ? null : JSON.stringify(caption.decoding),
      caption.seed ?? null,
      caption.logProbability ?? null,
      caption.filterFingerprint ?? null,
      caption.itcCosine ?? null,
      caption.itmLogit ?? null,
      caption.verdict ?? null,
    ],
  );
  if (!row) throw new Error("Bug: an upsert returned no row.");
  if (caption.source !== "SYNTHETIC") await reopenSteps(db, { imageIds: [caption.imageId], steps: ["caption-embed"] });
  return row;
}

/** Decides again, with a new policy over the stored scores; no model is needed. */
export async function saveVerdicts(
  db: Queryable,
  verdicts: readonly { captionId: string; verdict: CaptionVerdict }[],
): Promise<void> {
  await db.query(
    `update captions set verdict = decided.verdict
     from unnest($1::uuid[], $2::text[]) as decided (id, verdict) where captions.id = decided.id`,
    [verdicts.map((decided) => decided.captionId), verdicts.map((decided) => decided.verdict)],
  );
}

/** The captions of each image, oldest first; every id asked for is a key. */
export async function captionsOf(db: Queryable, imageIds: readonly string[]): Promise<Map<string, Caption[]>> {
  const byImage = new Map<string, Caption[]>(imageIds.map((imageId) => [imageId, []]));
  const captions = await db.query<Caption>(
    `select ${COLUMNS} from captions where image_id = any ($1::uuid[]) order by created_at, id`,
    [imageIds.filter(isUuid)],
  );
  for (const caption of captions) byImage.get(caption.imageId)?.push(caption);
  return byImage;
}
