import type { Queryable } from "./database.ts";
import { activeSpace, lockSpaces } from "./spaces.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

/**
 * Deletes what a space holds of a corpus, and its steps: nothing is written to it any more. Call it in a transaction. Returns how many vectors went.
 * @throws StorageError NOT_FOUND; CONFLICT for the space that answers, and for one that the corpus is being moved into
 */
export async function retireSpace(
  db: Queryable,
  { corpusId, spaceId }: { corpusId: string; spaceId: string },
): Promise<number> {
  await lockSpaces(db, corpusId);
  const [moving] = await db.query<{ operationId: string }>(
    `select r.operation_id as "operationId" from reindexes r join operations o on o.id = r.operation_id
     where r.corpus_id = $1::uuid and r.space_id = $2::uuid and o.finished_at is null`,
    [corpusId, requireUuid("space", spaceId)],
  );
  if (moving) {
    const message = `The corpus is being moved into this space by operation "${moving.operationId}". Cancel that first.`;
    throw new StorageError("CONFLICT", message);
  }
  return await emptySpace(db, { corpusId, spaceId });
}

async function emptySpace(
  db: Queryable,
  { corpusId, spaceId }: { corpusId: string; spaceId: string },
): Promise<number> {
  if ((await activeSpace(db, corpusId))?.id === requireUuid("space", spaceId)) {
    throw new StorageError("CONFLICT", "The corpus is searched in this space. Move it into another one first.");
  }
  const retired = await db.query(
    `update corpus_spaces set retired_at = coalesce(retired_at, now())
     where corpus_id = $1::uuid and space_id = $2::uuid returning space_id`,
    [corpusId, spaceId],
  );
  if (retired.length === 0) throw new StorageError("NOT_FOUND", `The corpus was never in the space "${spaceId}".`);
  await db.query("delete from image_steps where corpus_id = $1::uuid and space_id = $2::uuid", [corpusId, spaceId]);
  await db.query("delete from text_embeddings where corpus_id = $1::uuid and space_id = $2::uuid", [corpusId, spaceId]);
  await db.query(
    "delete from near_duplicates d using images i where d.space_id = $2::uuid and i.id = d.image_id and i.corpus_id = $1::uuid",
    [corpusId, spaceId],
  );
  const [gone] = await db.query<{ count: number }>(
    `with gone as (delete from embeddings where corpus_id = $1::uuid and space_id = $2::uuid returning 1)
     select count(*)::integer as count from gone`,
    [corpusId, spaceId],
  );
  return gone?.count ?? 0;
}

/** Retires the space that a cancelled reindex was building; one that has answered before stays as it is. */
export async function abandonReindex(db: Queryable, operationId: string): Promise<void> {
  const [building] = await db.query<{ corpusId: string; spaceId: string }>(
    `select r.corpus_id as "corpusId", r.space_id as "spaceId"
     from reindexes r join corpus_spaces u on u.corpus_id = r.corpus_id and u.space_id = r.space_id
     where r.operation_id = $1::uuid and u.activated_at is null and u.retired_at is null`,
    [operationId],
  );
  if (building === undefined) return;
  await lockSpaces(db, building.corpusId);
  await emptySpace(db, building);
}
