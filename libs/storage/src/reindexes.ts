import type { Queryable } from "./database.ts";
import { createOperation, type Operation, REINDEX_OPERATION } from "./operations.ts";
import { activateSpace, activeSpace, findSpace, lockSpaces } from "./spaces.ts";
import { planSteps } from "./steps.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** The way of a corpus from one space into another. */
export type Reindex = {
  readonly operationId: string;
  readonly corpusId: string;
  readonly spaceId: string;
  /** The space that answered when it was asked for. */
  readonly fromSpaceId: string;
  readonly forced: boolean;
  /** What both spaces found, as JSON; null until that is known. */
  readonly comparison: unknown;
};

const COLUMNS = `r.operation_id as "operationId", r.corpus_id as "corpusId", r.space_id as "spaceId", r.from_space_id as "fromSpaceId",
  r.forced, r.comparison`;

/**
 * Asks for a corpus to be moved into a space: plans what is missing there and opens the operation that workers look for. Call it in a transaction.
 * @throws StorageError NOT_FOUND; CONFLICT where the corpus is in that space already, has none, or is being moved
 */
export async function requestReindex(
  db: Queryable,
  request: { corpusId: string; spaceId: string; forced: boolean },
): Promise<Operation> {
  const { corpusId, spaceId, forced } = request;
  await lockSpaces(db, corpusId);
  const [active, space] = [await activeSpace(db, corpusId), await findSpace(db, spaceId)];
  if (space === null) throw new StorageError("NOT_FOUND", `There is no space "${spaceId}".`);
  if (active === null) {
    throw new StorageError("CONFLICT", "The corpus has no space yet. Ingest pictures into it first.");
  }
  if (active.id === spaceId) {
    throw new StorageError("CONFLICT", `The corpus is searched in the space of "${space.name}" already.`);
  }
  const open = await openReindexOf(db, corpusId);
  if (open) {
    const message = `The corpus is being reindexed by operation "${open.operationId}". Wait for it, or cancel it.`;
    throw new StorageError("CONFLICT", message);
  }
  await reviveSpace(db, corpusId, spaceId);
  await planSteps(db, { corpusId, spaceId, steps: ["embed", "caption-embed"] });
  const operation = await createOperation(db, { kind: REINDEX_OPERATION, corpusId });
  await db.query(
    `insert into reindexes (operation_id, corpus_id, space_id, from_space_id, forced)
     values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::boolean)`,
    [operation.id, corpusId, spaceId, active.id, forced],
  );
  await wakeCorpus(db, corpusId);
  return operation;
}

/** A retired space is built anew. */
async function reviveSpace(db: Queryable, corpusId: string, spaceId: string): Promise<void> {
  await db.query(
    `update corpus_spaces set retired_at = null, activated_at = null
     where corpus_id = $1::uuid and space_id = $2::uuid and retired_at is not null`,
    [corpusId, spaceId],
  );
}

export async function findReindex(db: Queryable, operationId: string): Promise<Reindex | null> {
  if (!isUuid(operationId)) return null;
  const [found] = await db.query<Reindex>(`select ${COLUMNS} from reindexes r where r.operation_id = $1::uuid`, [
    operationId,
  ]);
  return found ?? null;
}

/**
 * Takes the open reindex of a corpus that no other worker has in hand, for `leaseMs`; the same worker may take it again, which is how it keeps it. A
 * paused corpus is left alone. Null when there is none.
 */
export async function claimReindex(
  db: Queryable,
  claim: { corpusId: string; worker: string; leaseMs: number },
): Promise<Reindex | null> {
  const [claimed] = await db.query<Reindex>(
    `update reindexes r set worker = $2::text, worker_until = now() + make_interval(secs => $3::double precision / 1000)
     from operations o, corpora c
     where r.corpus_id = $1::uuid and o.id = r.operation_id and o.finished_at is null and c.id = r.corpus_id
       and c.paused_at is null and (r.worker_until is null or r.worker_until < now() or r.worker = $2::text)
     returning ${COLUMNS}`,
    [requireUuid("corpus", claim.corpusId), claim.worker, claim.leaseMs],
  );
  return claimed ?? null;
}

/** The open reindex of a corpus, whoever has it in hand; null when there is none. */
export async function openReindexOf(db: Queryable, corpusId: string): Promise<Reindex | null> {
  const [open] = await db.query<Reindex>(
    `select ${COLUMNS} from reindexes r join operations o on o.id = r.operation_id
     where r.corpus_id = $1::uuid and o.finished_at is null`,
    [requireUuid("corpus", corpusId)],
  );
  return open ?? null;
}

/** Gives it back, so that another worker need not wait for the lease. */
export async function releaseReindex(db: Queryable, { worker }: { worker: string }): Promise<void> {
  await db.query("update reindexes set worker = null, worker_until = null where worker = $1::text", [worker]);
}

export async function saveComparison(
  db: Queryable,
  { operationId, comparison }: { operationId: string; comparison: object },
): Promise<void> {
  await db.query("update reindexes set comparison = $2::jsonb where operation_id = $1::uuid", [
    requireUuid("operation", operationId),
    JSON.stringify(comparison),
  ]);
}

/** How much of what one space of a corpus holds another one holds as well. */
export type SpaceCoverage = {
  /** Pictures that have a vector in the space that answers. */
  readonly wanted: number;
  /** Of them, those without one in the other. */
  readonly missing: number;
  /** Steps of the other that are still open. */
  readonly open: number;
  /** Steps of the other that failed or were taken out of the work. */
  readonly failed: number;
};

export async function compareCoverage(
  db: Queryable,
  { corpusId, spaceId, fromSpaceId }: { corpusId: string; spaceId: string; fromSpaceId: string },
): Promise<SpaceCoverage> {
  const [coverage] = await db.query<SpaceCoverage>(
    `select
       (select count(*) from embeddings e where e.space_id = $3::uuid and e.corpus_id = $1::uuid)::integer as wanted,
       (select count(*) from embeddings e where e.space_id = $3::uuid and e.corpus_id = $1::uuid and not exists (
         select from embeddings o where o.space_id = $2::uuid and o.image_id = e.image_id))::integer as missing,
       (select count(*) from image_steps s where s.corpus_id = $1::uuid and s.space_id = $2::uuid
         and s.step in ('embed', 'caption-embed') and s.state in ('pending', 'leased'))::integer as open,
       (select count(*) from image_steps s where s.corpus_id = $1::uuid and s.space_id = $2::uuid
         and s.step in ('embed', 'caption-embed') and s.state in ('failed', 'excluded'))::integer as failed`,
    [requireUuid("corpus", corpusId), requireUuid("space", spaceId), requireUuid("space", fromSpaceId)],
  );
  if (!coverage) throw new Error("Bug: a select without from returned no row.");
  return coverage;
}

/**
 * From its commit on the corpus is searched in the other space; a search that began before ends in the one before. Nothing happens, and the
 * result says how many pictures are missing, when the other space lacks more than `mayMiss` of them. Call it in a transaction.
 * @throws StorageError CONFLICT where the corpus is not in `fromSpaceId` any more
 */
export async function switchSpace(
  db: Queryable,
  change: { corpusId: string; fromSpaceId: string; spaceId: string; mayMiss: number },
): Promise<{ switched: boolean; missing: number }> {
  const { corpusId, fromSpaceId, spaceId, mayMiss } = change;
  await lockSpaces(db, corpusId);
  const active = await activeSpace(db, corpusId);
  if (active?.id !== fromSpaceId) {
    const now = `The corpus is searched in "${active?.name}" by now`;
    throw new StorageError("CONFLICT", `${now}, another space than before. Ask for the change again.`);
  }
  const { missing } = await compareCoverage(db, change);
  if (missing > mayMiss) return { switched: false, missing };
  await activateSpace(db, corpusId, spaceId);
  await moveCaptionSteps(db, change);
  return { switched: true, missing };
}

/** Captions and verdicts depend on no space; their steps go along with the one that answers, so that nothing is written twice. */
async function moveCaptionSteps(
  db: Queryable,
  { corpusId, fromSpaceId, spaceId }: { corpusId: string; fromSpaceId: string; spaceId: string },
): Promise<void> {
  await db.query(
    `delete from image_steps s where s.corpus_id = $1::uuid and s.space_id = $3::uuid and s.step in ('caption', 'filter')
       and exists (select from image_steps o where o.image_id = s.image_id and o.step = s.step and o.space_id = $2::uuid)`,
    [corpusId, fromSpaceId, spaceId],
  );
  await db.query(
    `update image_steps set space_id = $3::uuid, updated_at = now(),
       state = case when state = 'leased' then 'pending' else state end, lease_owner = null, lease_until = null
     where corpus_id = $1::uuid and space_id = $2::uuid and step in ('caption', 'filter')`,
    [corpusId, fromSpaceId, spaceId],
  );
}

/** The space that the corpus was searched in before this one and that is still kept up to date; null when there is none. */
export async function spaceToRollBackTo(db: Queryable, corpusId: string): Promise<string | null> {
  const [before] = await db.query<{ spaceId: string }>(
    `select u.space_id as "spaceId" from corpus_spaces u join corpora c on c.id = u.corpus_id
     where u.corpus_id = $1::uuid and u.activated_at is not null and u.retired_at is null and u.space_id <> c.active_space_id
     order by u.activated_at desc limit 1`,
    [requireUuid("corpus", corpusId)],
  );
  return before?.spaceId ?? null;
}

/** The corpora of open reindexes, whoever has them in hand. */
export async function corporaToReindex(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ corpusId: string }>(
    `select r.corpus_id as "corpusId" from reindexes r join operations o on o.id = r.operation_id where o.finished_at is null`,
  );
  return new Set(rows.map(({ corpusId }) => corpusId));
}
