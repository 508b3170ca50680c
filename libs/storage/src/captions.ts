import { corpusOfCaption } from "./corpora.ts";
import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { reopenSteps } from "./steps.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

export type CaptionSource = "WEB" | "SYNTHETIC" | "HUMAN" | "IMPORTED";
/** UNJUDGED: a filter has seen it and is not competent, or it is judged by its parts. */
export type CaptionVerdict = "KEPT" | "REJECTED" | "UNJUDGED";

/** Why a caption counts for what it does. */
export type CaptionReason =
  | "MATCHES"
  | "BELOW_THRESHOLD"
  | "REPETITIVE"
  | "NOT_AMONG_BEST"
  | "OTHER_LANGUAGE"
  | "WORDLESS"
  | "JUDGED_BY_SENTENCES"
  | "WRITTEN_BY_A_PERSON"
  | "REVIEWED"
  | "SUPERSEDED"
  | "RUN_REVERTED";

/** One row of the ledger. What is null is not known (yet). */
export type Caption = {
  readonly id: string;
  readonly imageId: string;
  readonly text: string;
  readonly source: CaptionSource;
  readonly modelFingerprint: string | null;
  /** The run of a captioner that wrote it; null for one that was written on demand. */
  readonly runId: string | null;
  readonly prompt: string | null;
  /** How the captioner decoded: `{ "method": "beam", "beams": 3 }`. */
  readonly decoding: unknown;
  readonly seed: number | null;
  /** Sum of the natural logarithms of the probabilities of the generated tokens. */
  readonly logProbability: number | null;
  /** The longer text of which it is a sentence. */
  readonly partOf: string | null;
  /** ISO 639-1, "und" where a text is too short to tell. */
  readonly language: string | null;
  /** The person or program that wrote it, where that is known. */
  readonly author: string | null;
  readonly supersededBy: string | null;
  /** What counts now: the latest review, or what the corpus's active policy decided; null before either. */
  readonly verdict: CaptionVerdict | null;
  readonly reason: CaptionReason | null;
  readonly createdAt: Date;
};

export type NewCaption = Pick<Caption, "imageId" | "text" | "source"> & {
  [Field in
    | "modelFingerprint"
    | "runId"
    | "prompt"
    | "decoding"
    | "seed"
    | "logProbability"
    | "partOf"
    | "language"
    | "author"]?: Caption[Field] | undefined;
};

/**
 * Condition on captions that no captioner wrote: no person has set this one aside, by a review or by another text. A search goes on finding
 * pictures by what a filter rejects: whoever looks for a file by its name knows better than the model what is in it.
 */
export const IN_USE = `(captions.superseded_by is null and 'REJECTED' is distinct from (
  select review.verdict from caption_reviews review where review.caption_id = captions.id order by review.id desc limit 1))`;

const COLUMNS = `c.id, c.image_id as "imageId", c.text, c.source, c.model_fingerprint as "modelFingerprint", c.run_id as "runId",
  c.prompt, c.decoding, c.seed::double precision as seed, c.log_probability as "logProbability", c.part_of as "partOf", c.language,
  c.author, c.superseded_by as "supersededBy", s.verdict, s.reason, c.created_at as "createdAt"`;

/** Appends a caption; those of one transaction keep their order, as sentences of a text must. The same image, source, model, decoding and text again is the same row, which stays as it is. */
export async function addCaption(db: Queryable, caption: NewCaption): Promise<Caption> {
  const text = withoutZeros(caption.text).trim();
  if (text === "") throw new StorageError("INVALID_VALUE", `The caption of image "${caption.imageId}" is empty.`);
  const [row] = await db.query<{ id: string; created: boolean }>(
    `insert into captions as known (image_id, text, source, model_fingerprint, run_id, prompt, decoding, seed, log_probability,
       part_of, language, author, created_at)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::uuid, $6::text, $7::jsonb, $8::bigint, $9::double precision,
       $10::uuid, $11::text, $12::text, clock_timestamp())
     on conflict (image_id, source, model_fingerprint, decoding, md5(text)) do update set text = known.text
     returning id, xmax = 0 as created`,
    [
      requireUuid("image", caption.imageId),
      text,
      caption.source,
      caption.modelFingerprint ?? null,
      caption.runId ?? null,
      caption.prompt ?? null,
      caption.decoding == null ? null : JSON.stringify(caption.decoding),
      caption.seed ?? null,
      caption.logProbability ?? null,
      caption.partOf ?? null,
      caption.language ?? null,
      caption.author ?? null,
    ],
  );
  if (!row) throw new Error("Bug: an upsert returned no row.");
  if (row.created) {
    const isOwnText = caption.source !== "SYNTHETIC" && caption.partOf == null;
    const steps = isOwnText ? (["caption-embed", "filter"] as const) : (["filter"] as const);
    await reopenSteps(db, { imageIds: [caption.imageId], steps });
    const corpusId = caption.source === "HUMAN" ? await corpusOfCaption(db, row.id) : null;
    // Only people wait for it: captions of models and sources come while somebody works on the corpus.
    if (corpusId !== null) await wakeCorpus(db, corpusId);
  }
  const found = await findCaption(db, row.id);
  if (!found) throw new Error("Bug: a caption that was just added is gone.");
  return found;
}

export async function findCaption(db: Queryable, captionId: string): Promise<Caption | null> {
  if (!isUuid(captionId)) return null;
  const [row] = await db.query<Caption>(
    `select ${COLUMNS} from captions c join caption_states s on s.caption_id = c.id where c.id = $1::uuid`,
    [captionId],
  );
  return row ?? null;
}

/** The captions of each image, oldest first; every id asked for is a key. */
export async function captionsOf(db: Queryable, imageIds: readonly string[]): Promise<Map<string, Caption[]>> {
  const byImage = new Map<string, Caption[]>(imageIds.map((imageId) => [imageId, []]));
  const captions = await db.query<Caption>(
    `select ${COLUMNS} from captions c join caption_states s on s.caption_id = c.id
     where c.image_id = any ($1::uuid[]) order by c.created_at, c.id`,
    [imageIds.filter(isUuid)],
  );
  for (const caption of captions) byImage.get(caption.imageId)?.push(caption);
  return byImage;
}

/** A person writes a caption in place of another one, which stays in the ledger and counts no longer. */
export async function replaceCaption(
  db: Queryable,
  { captionId, text, author }: { captionId: string; text: string; author: string },
): Promise<Caption> {
  const old = await findCaption(db, captionId);
  if (!old) throw new StorageError("NOT_FOUND", `There is no caption "${captionId}".`);
  const written = await addCaption(db, { imageId: old.imageId, text, source: "HUMAN", author });
  if (written.id === old.id) return written;
  await db.query("update captions set superseded_by = $2::uuid where id = $1::uuid", [old.id, written.id]);
  return written;
}

/** Sets the language of texts that had none. */
export async function saveLanguages(
  db: Queryable,
  languages: readonly { readonly captionId: string; readonly language: string }[],
): Promise<void> {
  await db.query(
    `update captions set language = known.language from unnest($1::uuid[], $2::text[]) as known (id, language)
     where captions.id = known.id and captions.language is null`,
    [languages.map(({ captionId }) => captionId), languages.map(({ language }) => language)],
  );
}
