import { type Database, inTransaction, type Queryable } from "./database.ts";
import { reopenCorpusSteps } from "./steps.ts";
import { restoreSuperseded } from "./superseded-captions.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** One run of a captioner over a corpus. */
export type CaptionRun = {
  readonly id: string;
  readonly corpusId: string;
  readonly captionerFingerprint: string;
  readonly captionerName: string;
  /** Null: the model set's own. */
  readonly prompt: string | null;
  /** As inference takes it; with captionsPerImage above 1, each caption's seed follows from this one's. */
  readonly decoding: unknown;
  readonly captionsPerImage: number;
  readonly createdAt: Date;
  /** When its captions stopped to count; null while they do. */
  readonly revertedAt: Date | null;
  /** What it writes about a picture stands in the place of what captioners wrote about it before. */
  readonly supersedes: boolean;
};

export type NewCaptionRun = Pick<
  CaptionRun,
  "corpusId" | "captionerFingerprint" | "captionerName" | "prompt" | "decoding" | "captionsPerImage"
>;

const COLUMNS = `r.id, r.corpus_id as "corpusId", r.captioner_fingerprint as "captionerFingerprint",
  r.captioner_name as "captionerName", r.prompt, r.decoding, r.captions_per_image as "captionsPerImage",
  r.created_at as "createdAt", r.reverted_at as "revertedAt", r.supersedes`;

/**
 * Makes this the run that the corpus's step "caption" works for: an equal run that is not reverted goes on, otherwise a new one begins and the
 * step is opened again for every picture. Call it in a transaction.
 */
export async function startCaptionRun(db: Queryable, run: NewCaptionRun): Promise<CaptionRun> {
  const values = [
    requireUuid("corpus", run.corpusId),
    run.captionerFingerprint,
    run.prompt,
    JSON.stringify(run.decoding),
    run.captionsPerImage,
  ];
  const [known] = await db.query<CaptionRun & { active: boolean }>(
    `select ${COLUMNS}, corpora.caption_run_id = r.id as active from caption_runs r join corpora on corpora.id = r.corpus_id
     where r.corpus_id = $1::uuid and r.captioner_fingerprint = $2::text and r.prompt is not distinct from $3::text
       and r.decoding = $4::jsonb and r.captions_per_image = $5::integer and r.reverted_at is null
     order by r.created_at desc limit 1`,
    values,
  );
  const [created] = known
    ? [known]
    : await db.query<CaptionRun>(
        `insert into caption_runs as r (corpus_id, captioner_fingerprint, prompt, decoding, captions_per_image, captioner_name)
         values ($1::uuid, $2::text, $3::text, $4::jsonb, $5::integer, $6::text) returning ${COLUMNS}`,
        [...values, run.captionerName],
      );
  if (!created) throw new Error("Bug: an insert returned no row.");
  if (known?.active) return known;
  await db.query("update corpora set caption_run_id = $2::uuid where id = $1::uuid", [run.corpusId, created.id]);
  await reopenCorpusSteps(db, { corpusId: run.corpusId, steps: ["caption", "filter"] });
  await wakeCorpus(db, run.corpusId);
  return created;
}

/**
 * Begins a run that supersedes and makes it the one that the corpus's step "caption" works for, also where an equal one is known. Who calls it opens
 * the step for the pictures that are meant, in the same transaction or later.
 */
export async function beginSupersedingRun(db: Queryable, run: NewCaptionRun): Promise<CaptionRun> {
  const [created] = await db.query<CaptionRun>(
    `with created as (
       insert into caption_runs as r (corpus_id, captioner_fingerprint, captioner_name, prompt, decoding, captions_per_image, supersedes)
       values ($1::uuid, $2::text, $3::text, $4::text, $5::jsonb, $6::integer, true) returning *
     ), active as (
       update corpora set caption_run_id = created.id from created where corpora.id = created.corpus_id
     )
     select ${COLUMNS} from created r`,
    [
      requireUuid("corpus", run.corpusId),
      run.captionerFingerprint,
      run.captionerName,
      run.prompt,
      JSON.stringify(run.decoding),
      run.captionsPerImage,
    ],
  );
  if (!created) throw new Error("Bug: an insert returned no row.");
  return created;
}

/** The run that the corpus's step "caption" works for. */
export async function activeCaptionRun(db: Queryable, corpusId: string): Promise<CaptionRun | null> {
  const [run] = await db.query<CaptionRun>(
    `select ${COLUMNS} from corpora c join caption_runs r on r.id = c.caption_run_id where c.id = $1::uuid`,
    [requireUuid("corpus", corpusId)],
  );
  return run ?? null;
}

export type CaptionRunSummary = CaptionRun & {
  readonly captions: number;
  readonly kept: number;
  readonly rejected: number;
};

/** Every run of the corpus, newest first, with what became of its captions. */
export function listCaptionRuns(db: Queryable, corpusId: string): Promise<CaptionRunSummary[]> {
  return db.query<CaptionRunSummary>(
    `select ${COLUMNS}, count(c.id)::integer as captions, count(*) filter (where s.verdict = 'KEPT')::integer as kept,
       count(*) filter (where s.verdict = 'REJECTED')::integer as rejected
     from caption_runs r left join captions c on c.run_id = r.id left join caption_states s on s.caption_id = c.id
     where r.corpus_id = $1::uuid group by r.id order by r.created_at desc, r.id`,
    [requireUuid("corpus", corpusId)],
  );
}

/** Whether the corpus ever had a run, taken back or not. */
export async function hasCaptionRuns(db: Queryable, corpusId: string): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>(
    "select exists (select from caption_runs where corpus_id = $1::uuid) as found",
    [requireUuid("corpus", corpusId)],
  );
  return row?.found ?? false;
}

/**
 * Its captions stay in the ledger and count for nothing from now on; those that they stood in the place of count again. Returns how many captions the
 * run has.
 */
export function revertCaptionRun(db: Queryable | Database, runId: string): Promise<number> {
  return inTransaction(db, (tx) => revert(tx, runId));
}

async function revert(db: Queryable, runId: string): Promise<number> {
  if (!isUuid(runId)) throw new StorageError("NOT_FOUND", `There is no caption run "${runId}".`);
  const [reverted] = await db.query<{ corpusId: string; captions: number }>(
    `with reverted as (
       update caption_runs set reverted_at = coalesce(reverted_at, now()) where id = $1::uuid returning id, corpus_id
     ), detached as (
       update corpora set caption_run_id = null from reverted where caption_run_id = reverted.id
     )
     select corpus_id as "corpusId", (select count(*)::integer from captions c where c.run_id = reverted.id) as captions from reverted`,
    [runId],
  );
  if (!reverted) throw new StorageError("NOT_FOUND", `There is no caption run "${runId}".`);
  if (await restoreSuperseded(db, runId)) await wakeCorpus(db, reverted.corpusId);
  return reverted.captions;
}

/** The corpus that a run belongs to; null when there is no such run. */
export async function corpusOfCaptionRun(db: Queryable, runId: string): Promise<string | null> {
  if (!isUuid(runId)) return null;
  const [found] = await db.query<{ corpusId: string }>(
    `select corpus_id as "corpusId" from caption_runs where id = $1::uuid`,
    [runId],
  );
  return found?.corpusId ?? null;
}
