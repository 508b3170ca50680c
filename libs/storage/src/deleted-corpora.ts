import type { Database, Queryable } from "./database.ts";
import { createOperation, DELETE_OPERATION, type Operation, updateOperation } from "./operations.ts";
import { StorageError } from "./storage-error.ts";
import { type RemovableFiles, removeUnusedBlobs } from "./suspect-blobs.ts";
import { isStorable } from "./names.ts";
import { requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** In one transaction; on the embedded database everybody else waits meanwhile. */
const IMAGES_PER_BATCH = 100;

/**
 * Hides a corpus and all that is in it, for ever, and frees its name. Its operations end, nobody gets work of it, and what was on its way into it is
 * refused. The rows and files stay until `clearDeletedCorpora` has removed them; the operation that is returned says how far that is. Call it in a
 * transaction.
 * @throws StorageError NOT_FOUND
 */
export async function deleteCorpus(db: Queryable, corpusId: string): Promise<Operation> {
  const [hidden] = await db.query<{ images: number }>(
    `update corpora set deleted_at = now(), paused_at = coalesce(paused_at, now())
     where id = $1::uuid and deleted_at is null
     returning (select count(*)::integer from images where corpus_id = $1::uuid) as images`,
    [requireUuid("corpus", corpusId)],
  );
  if (hidden === undefined) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
  const counts = { images: hidden.images, imagesDeleted: 0 };
  const operation = await createOperation(db, { kind: DELETE_OPERATION, counts });
  await db.query("update corpora set deletion_id = $2::uuid where id = $1::uuid", [corpusId, operation.id]);
  await db.query(
    `update operations set state = 'CANCELLED', updated_at = now(), finished_at = now()
     where corpus_id = $1::uuid and finished_at is null`,
    [corpusId],
  );
  await db.query("delete from search_sessions where corpus_id = $1::uuid", [corpusId]);
  await db.query(
    `with refused as (
       update uploads set state = 'REJECTED', error_code = 'CORPUS_DELETED', error_message = 'The corpus was deleted meanwhile.',
         writer = null, lease_until = null, updated_at = now()
       where corpus_id = $1::uuid and state in ('RECEIVING', 'STORED') returning sha256
     )
     insert into suspect_blobs (sha256) select distinct sha256 from refused where sha256 is not null on conflict do nothing`,
    [corpusId],
  );
  await wakeCorpus(db, corpusId);
  return operation;
}

/** The newest deleted corpus of that name whose rows are not all gone, and the operation that tells of it; null when there is none. */
export async function openDeletionOf(
  db: Queryable,
  name: string,
): Promise<{ readonly corpusId: string; readonly operationId: string | null } | null> {
  if (!isStorable(name)) return null;
  const [found] = await db.query<{ corpusId: string; operationId: string | null }>(
    `select id as "corpusId", deletion_id as "operationId" from corpora
     where name = $1::text and deleted_at is not null order by deleted_at desc limit 1`,
    [name],
  );
  return found ?? null;
}

/** The deleted corpora that still have rows, in the order in which they were deleted. */
export async function corporaToClear(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    "select id from corpora where deleted_at is not null order by deleted_at, id",
    [],
  );
  return rows.map(({ id }) => id);
}

export type ClearOptions = {
  /** After each batch: how many pictures of the corpus have gone, counted by whoever clears. */
  readonly onBatch?: (corpusId: string, imagesDeleted: number) => void;
  /** Aborted when it shall stop after the batch that it has begun. */
  readonly signal?: AbortSignal;
  /** Pictures in one transaction; 100 when absent. */
  readonly imagesPerBatch?: number;
};

/**
 * Removes the rows of deleted corpora, batch by batch, and the files that nobody needs any more. Killed or stopped, the next call goes on from there.
 * What another process is clearing is left to it: false when there was such a corpus, or the signal ended the work.
 * @throws StorageError UNREACHABLE and others, also of the picture store: call it again. What the system says of a file that cannot be removed, once the rows
 *   are gone: the file stays suspect, and is tried again by whoever looks at those
 */
export async function clearDeletedCorpora(
  db: Database,
  files: RemovableFiles,
  options: ClearOptions = {},
): Promise<boolean> {
  let isAll = true;
  let failure: { readonly reason: unknown } | undefined;
  const removeFiles = () =>
    removeUnusedBlobs(db, files).catch((reason: unknown) => {
      if (reason instanceof StorageError && reason.retryable) throw reason;
      failure ??= { reason };
    });
  for (const corpusId of await corporaToClear(db)) {
    for (let imagesDeleted = 0; ; ) {
      if (options.signal?.aborted) return false;
      const batch = await clearBatch(db, corpusId, options.imagesPerBatch ?? IMAGES_PER_BATCH);
      await removeFiles();
      if (batch === "BUSY") isAll = false;
      if (typeof batch === "string") break;
      imagesDeleted += batch;
      options.onBatch?.(corpusId, imagesDeleted);
    }
  }
  if (failure) throw failure.reason;
  return isAll;
}

/** How many pictures went; GONE when the corpus went itself, BUSY when another process is at it. */
function clearBatch(db: Database, corpusId: string, most: number): Promise<number | "GONE" | "BUSY"> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.query<{ held: boolean }>(
      "select pg_try_advisory_xact_lock(hashtextextended('clear ' || $1::text, 0)) as held",
      [corpusId],
    );
    if (lock?.held !== true) return "BUSY";
    const [deleted] = await tx.query<{ count: number }>(
      `with gone as (
         delete from images where id in (
           select id from images where corpus_id = $1::uuid order by id limit $2::integer
         ) returning sha256
       ), noted as (
         insert into suspect_blobs (sha256) select distinct sha256 from gone on conflict do nothing
       )
       select count(*)::integer as count from gone`,
      [corpusId, most],
    );
    const count = deleted?.count ?? 0;
    const [operation] = await tx.query<{ id: string; counts: Operation["counts"] }>(
      `select o.id, o.counts from corpora c join operations o on o.id = c.deletion_id where c.id = $1::uuid`,
      [corpusId],
    );
    if (operation !== undefined) {
      const imagesDeleted = (operation.counts["imagesDeleted"] ?? 0) + count;
      const state = count === 0 ? "SUCCEEDED" : "RUNNING";
      await updateOperation(tx, { operationId: operation.id, state, counts: { imagesDeleted } });
    }
    if (count > 0) return count;
    await tx.query("delete from corpora where id = $1::uuid and deleted_at is not null", [corpusId]);
    return "GONE";
  });
}
