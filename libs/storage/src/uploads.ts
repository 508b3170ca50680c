import { changedRows, type Seen, type Versioned } from "./changed-rows.ts";
import type { Queryable } from "./database.ts";
import { type Attributes, storableJson, withoutZeros } from "./images.ts";
import { isUuid, requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** RECEIVING: bytes are missing. STORED: all are in the blob store. INGESTED: it is an image. REJECTED: it will never be one. */
export type UploadState = "RECEIVING" | "STORED" | "INGESTED" | "REJECTED";

/** A picture on its way into a corpus over HTTP. */
export type Upload = {
  readonly id: string;
  readonly corpusId: string;
  readonly state: UploadState;
  /** Name of the file as the sender gave it. */
  readonly name: string | null;
  /** Null: not announced. */
  readonly sizeBytes: number | null;
  /** How many bytes are on disk for certain. */
  readonly receivedBytes: number;
  /** Null while it is RECEIVING. */
  readonly sha256: string | null;
  /** Null until it is INGESTED, and again when the image was deleted. */
  readonly imageId: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
};

const COLUMNS = `id, corpus_id as "corpusId", state, name, size_bytes::double precision as "sizeBytes",
  received_bytes::double precision as "receivedBytes", sha256, image_id as "imageId", error_code as "errorCode",
  error_message as "errorMessage", created_at as "createdAt", updated_at as "updatedAt", expires_at as "expiresAt"`;

export type NewUpload = {
  readonly corpusId: string;
  readonly name: string | null;
  /** Becomes the image's WEB caption. */
  readonly text: string | null;
  readonly attributes: Attributes;
  readonly sizeBytes: number | null;
  readonly expiresAt: Date;
};

export async function createUpload(db: Queryable, upload: NewUpload): Promise<Upload> {
  const [created] = await db.query<Upload>(
    `insert into uploads (corpus_id, name, text, attributes, size_bytes, expires_at)
     values ($1::uuid, $2::text, $3::text, $4::jsonb, $5::bigint, $6::timestamptz) returning ${COLUMNS}`,
    [
      requireUuid("corpus", upload.corpusId),
      upload.name === null ? null : withoutZeros(upload.name),
      upload.text === null ? null : withoutZeros(upload.text),
      storableJson(upload.attributes),
      upload.sizeBytes,
      upload.expiresAt,
    ],
  );
  if (!created) throw new Error("Bug: an insert returned no row.");
  return created;
}

export async function findUpload(db: Queryable, uploadId: string): Promise<Upload | null> {
  if (!isUuid(uploadId)) return null;
  const [found] = await db.query<Upload>(`select ${COLUMNS} from uploads where id = $1::uuid`, [uploadId]);
  return found ?? null;
}

/** How many uploads of the corpus still wait for bytes. */
export async function countReceivingUploads(db: Queryable, corpusId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "select count(*)::integer as count from uploads where corpus_id = $1::uuid and state = 'RECEIVING'",
    [requireUuid("corpus", corpusId)],
  );
  return row?.count ?? 0;
}

/**
 * Makes `writer` the one who receives bytes from now on: what an earlier one reports counts no longer. Null when the upload is not (any
 * longer) RECEIVING or has expired.
 */
export async function beginReceiving(
  db: Queryable,
  { uploadId, writer }: { uploadId: string; writer: string },
): Promise<Upload | null> {
  const [begun] = await db.query<Upload>(
    `update uploads set writer = $2::uuid, updated_at = now()
     where id = $1::uuid and state = 'RECEIVING' and expires_at > now() returning ${COLUMNS}`,
    [requireUuid("upload", uploadId), writer],
  );
  return begun ?? null;
}

/** Records how many bytes are on disk. Call it after the disk has them. False: another writer has taken over. */
export async function recordReceived(
  db: Queryable,
  { uploadId, writer, receivedBytes }: { uploadId: string; writer: string; receivedBytes: number },
): Promise<boolean> {
  const saved = await db.query(
    `update uploads set received_bytes = $3::bigint, updated_at = now()
     where id = $1::uuid and writer = $2::uuid and state = 'RECEIVING' returning id`,
    [requireUuid("upload", uploadId), writer, receivedBytes],
  );
  return saved.length > 0;
}

/** All bytes are in the blob store, which is then no suspect. Call it in a transaction that holds the blob's lock and has seen the file. Null: as above. */
export async function markStored(
  db: Queryable,
  { uploadId, writer, sha256 }: { uploadId: string; writer: string; sha256: string },
): Promise<Upload | null> {
  const [stored] = await db.query<Upload>(
    `with stored as (
       update uploads set state = 'STORED', sha256 = $3::text, writer = null, updated_at = now()
       where id = $1::uuid and writer = $2::uuid and state = 'RECEIVING' returning *
     ), cleared as (
       delete from suspect_blobs using stored where suspect_blobs.sha256 = stored.sha256
     )
     select ${COLUMNS} from stored`,
    [requireUuid("upload", uploadId), writer, sha256],
  );
  if (stored) await wakeCorpus(db, stored.corpusId);
  return stored ?? null;
}

/** Refuses an upload for good; its blob, if it has one, becomes suspect. An image that came of it stays. */
export async function rejectUpload(
  db: Queryable,
  { uploadId, code, message }: { uploadId: string; code: string; message: string },
): Promise<void> {
  await db.query(
    `with rejected as (
       update uploads set state = 'REJECTED', error_code = $2::text, error_message = $3::text, writer = null, lease_until = null,
         updated_at = now()
       where id = $1::uuid and state in ('RECEIVING', 'STORED') returning sha256
     )
     insert into suspect_blobs (sha256) select sha256 from rejected where sha256 is not null on conflict do nothing`,
    [requireUuid("upload", uploadId), code, withoutZeros(message)],
  );
}

export type ClaimedUpload = {
  readonly uploadId: string;
  readonly sha256: string;
  readonly name: string | null;
  readonly text: string | null;
  readonly attributes: Attributes;
};

/** An upload that this many workers died of is not tried again. */
const MAX_ATTEMPTS = 5;

/**
 * Hands out stored uploads of a corpus, oldest first, each to one worker until its lease runs out. One that workers keep dying of is
 * rejected.
 */
export function claimUploads(
  db: Queryable,
  claim: { corpusId: string; limit: number; leaseMs: number; now?: Date | undefined },
): Promise<ClaimedUpload[]> {
  return db.query<ClaimedUpload>(
    `with moment as (
       select coalesce($4::timestamptz, now()) as at
     ), abandoned as (
       update uploads u set state = 'REJECTED', error_code = 'WORKER_DIED', lease_until = null, updated_at = now(),
         error_message = format('%s workers died while they registered this picture.', u.attempts)
       from moment
       where u.corpus_id = $1::uuid and u.state = 'STORED' and u.attempts >= $5::integer and u.lease_until < moment.at
       returning u.sha256
     ), suspects as (
       insert into suspect_blobs (sha256) select distinct sha256 from abandoned on conflict do nothing
     ), ready as (
       select u.id from uploads u cross join moment
       where u.corpus_id = $1::uuid and u.state = 'STORED' and u.attempts < $5::integer
         and (u.lease_until is null or u.lease_until < moment.at)
       order by u.created_at, u.id limit $2::integer
       for update of u skip locked
     )
     update uploads u
     set attempts = u.attempts + 1, lease_until = moment.at + make_interval(secs => $3::double precision / 1000)
     from ready, moment where u.id = ready.id
     returning u.id as "uploadId", u.sha256, u.name, u.text, u.attributes`,
    [requireUuid("corpus", claim.corpusId), claim.limit, claim.leaseMs, claim.now ?? null, MAX_ATTEMPTS],
  );
}

/** Call it in the transaction that registers the image. */
export async function finishUpload(
  db: Queryable,
  { uploadId, imageId }: { uploadId: string; imageId: string },
): Promise<void> {
  await db.query(
    `update uploads set state = 'INGESTED', image_id = $2::uuid, lease_until = null, updated_at = now()
     where id = $1::uuid and state = 'STORED'`,
    [requireUuid("upload", uploadId), requireUuid("image", imageId)],
  );
}

/** The corpora for which uploads wait that no worker has in hand, by name; paused ones keep theirs waiting. */
export function corporaWithUploads(db: Queryable): Promise<{ id: string; name: string }[]> {
  return db.query(
    `select c.id, c.name from corpora c where c.paused_at is null and exists (
       select from uploads u where u.corpus_id = c.id and u.state = 'STORED' and (u.lease_until is null or u.lease_until < now()))
     order by c.name`,
    [],
  );
}

/** Rejects what was not complete in time. Returns the ids. */
export async function expireUploads(db: Queryable, { now }: { now?: Date | undefined } = {}): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update uploads set state = 'REJECTED', error_code = 'EXPIRED', writer = null, updated_at = now(),
       error_message = format('Only %s bytes had come when the upload expired. Create another one.', received_bytes)
     where state = 'RECEIVING' and expires_at < coalesce($1::timestamptz, now()) returning id`,
    [now ?? null],
  );
  return rows.map(({ id }) => id);
}

/** Those of the ids that still wait for bytes. */
export async function receivingAmong(db: Queryable, uploadIds: readonly string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    "select id from uploads where id = any ($1::uuid[]) and state = 'RECEIVING'",
    [uploadIds.filter(isUuid)],
  );
  return new Set(rows.map(({ id }) => id));
}

/** The uploads that have changed since they were seen. */
export function changedUploads(db: Queryable, seen: readonly Seen[]): Promise<Versioned<Upload>[]> {
  return changedRows<Upload>(db, { name: "uploads", columns: COLUMNS }, seen);
}
