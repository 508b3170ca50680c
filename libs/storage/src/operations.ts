import { excludeOpenAnswers } from "./answer-control.ts";
import { changedRows, type Seen, type Versioned } from "./changed-rows.ts";
import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { abandonReindex } from "./retired-spaces.ts";
import { excludeOpenSteps } from "./step-control.ts";
import { StorageError } from "./storage-error.ts";
import { excludeUpkeepSteps } from "./upkeep-steps.ts";
import { isUuid, requireUuid } from "./uuid.ts";

export type OperationState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** A long-running job that a user can watch. `counts` is its progress, in words that belong to its kind. */
export type Operation = {
  readonly id: string;
  readonly kind: string;
  readonly corpusId: string | null;
  readonly state: OperationState;
  readonly counts: Readonly<Record<string, number>>;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Null while it is QUEUED or RUNNING. */
  readonly finishedAt: Date | null;
};

/** The kind of what brings pictures into a corpus and does their steps. */
export const INGEST_OPERATION = "INGEST";
/** The kind of what moves a corpus into another space. */
export const REINDEX_OPERATION = "REINDEX";
/** The kind of what answers the questions of a corpus. */
export const ANSWER_OPERATION = "ANSWER";
/** The kind of what removes the rows and files of a deleted corpus. It names no corpus. */
export const DELETE_OPERATION = "DELETE_CORPUS";
/** The kinds of what works on what a corpus holds already (`upkeeps.ts`). */
export const UPKEEP_OPERATIONS = ["REBUILD_INDEX", "REFILL", "RECAPTION", "REFILTER"] as const;
export type UpkeepKind = (typeof UPKEEP_OPERATIONS)[number];

export function isUpkeep(kind: string): kind is UpkeepKind {
  return (UPKEEP_OPERATIONS as readonly string[]).includes(kind);
}

const COLUMNS = `id, kind, corpus_id as "corpusId", state, counts, error_code as "errorCode",
  error_message as "errorMessage", created_at as "createdAt", updated_at as "updatedAt", finished_at as "finishedAt"`;

export async function createOperation(
  db: Queryable,
  operation: {
    kind: string;
    corpusId?: string | null | undefined;
    state?: OperationState | undefined;
    counts?: Readonly<Record<string, number>> | undefined;
  },
): Promise<Operation> {
  const [created] = await db.query<Operation>(
    `insert into operations (kind, corpus_id, state, counts) values ($1::text, $2::uuid, $3::text, $4::jsonb)
     returning ${COLUMNS}`,
    [operation.kind, operation.corpusId ?? null, operation.state ?? "QUEUED", JSON.stringify(operation.counts ?? {})],
  );
  if (!created) throw new Error("Bug: an insert returned no row.");
  return created;
}

export type OperationUpdate = {
  readonly operationId: string;
  readonly state?: OperationState | undefined;
  /** Merged into the counts so far. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
};

/** Changes what is given. A finished operation keeps its state: a worker cannot revive what its user cancelled. */
export async function updateOperation(db: Queryable, update: OperationUpdate): Promise<Operation> {
  const [updated] = await db.query<Operation>(
    `update operations set
       state = case when finished_at is null then coalesce($2::text, state) else state end,
       counts = counts || coalesce($3::jsonb, '{}'),
       error_code = coalesce($4::text, error_code),
       error_message = coalesce($5::text, error_message),
       updated_at = now(),
       finished_at = case when $2::text in ('SUCCEEDED', 'FAILED', 'CANCELLED') then coalesce(finished_at, now()) else finished_at end
     where id = $1::uuid returning ${COLUMNS}`,
    [
      requireUuid("operation", update.operationId),
      update.state ?? null,
      update.counts ? JSON.stringify(update.counts) : null,
      update.errorCode ?? null,
      update.errorMessage === undefined ? null : withoutZeros(update.errorMessage),
    ],
  );
  if (!updated) throw new StorageError("NOT_FOUND", `There is no operation "${update.operationId}".`);
  return updated;
}

/**
 * Cancels an operation: its run, in whatever process, stops within seconds after what it has in hand, and what is open of its work in the corpus
 * is taken out, so that no worker goes on with it by itself: answers to questions for ANSWER_OPERATION, steps otherwise. retryFailedAnswers and
 * retryFailedSteps open them again. Of a reindex the space that it was building is retired instead, and of an upkeep only its own steps are taken
 * out. Call it in a transaction. Null when the operation is finished already, or there is none.
 * @throws StorageError CONFLICT for the deletion of a corpus, which cannot be taken back
 */
export async function cancelOperation(db: Queryable, operationId: string): Promise<Operation | null> {
  const [cancelled] = await db.query<Operation>(
    `update operations set state = 'CANCELLED', updated_at = now(), finished_at = now()
     where id = $1::uuid and finished_at is null returning ${COLUMNS}`,
    [requireUuid("operation", operationId)],
  );
  if (!cancelled) return null;
  if (cancelled.kind === DELETE_OPERATION) {
    throw new StorageError(
      "CONFLICT",
      "The corpus is deleted already; removing what is left of it cannot be cancelled.",
    );
  }
  if (cancelled.kind === REINDEX_OPERATION) await abandonReindex(db, operationId);
  else if (isUpkeep(cancelled.kind)) await excludeUpkeepSteps(db, operationId);
  else if (cancelled.corpusId !== null) await excludeOpenWork(db, cancelled.corpusId, cancelled.kind);
  return cancelled;
}

async function excludeOpenWork(db: Queryable, corpusId: string, kind: string): Promise<void> {
  if (kind === ANSWER_OPERATION) await excludeOpenAnswers(db, corpusId);
  else await excludeOpenSteps(db, corpusId);
}

/** The same for what runs or waits for a corpus, also when nothing does: then its open work alone is taken out. Returns what it cancelled. */
export async function cancelOperations(
  db: Queryable,
  { corpusId, kind }: { corpusId: string; kind: string },
): Promise<Operation[]> {
  const cancelled = await db.query<Operation>(
    `update operations set state = 'CANCELLED', updated_at = now(), finished_at = now()
     where corpus_id = $1::uuid and kind = $2::text and finished_at is null
     returning ${COLUMNS}`,
    [requireUuid("corpus", corpusId), kind],
  );
  await excludeOpenWork(db, corpusId, kind);
  return cancelled;
}

/**
 * Fails operations whose run has said nothing for that long: it was killed and could not say so itself. A living run must update its
 * operation more often. Returns how many there were.
 */
export async function failSilentOperations(
  db: Queryable,
  { corpusId, kind, silentForMs }: { corpusId: string; kind: string; silentForMs: number },
): Promise<number> {
  const failed = await db.query(
    `update operations
     set state = 'FAILED', error_code = 'WORKER_DIED', error_message = 'The process of this run ended without a word.',
       updated_at = now(), finished_at = now()
     where corpus_id = $1::uuid and kind = $2::text and state = 'RUNNING' and finished_at is null
       and updated_at < now() - make_interval(secs => $3::double precision / 1000)
     returning id`,
    [requireUuid("corpus", corpusId), kind, silentForMs],
  );
  return failed.length;
}

/** What runs or waits for a corpus now, oldest first. */
export function openOperations(db: Queryable, corpusId: string): Promise<Operation[]> {
  return db.query<Operation>(
    `select ${COLUMNS} from operations where corpus_id = $1::uuid and finished_at is null order by created_at, id`,
    [requireUuid("corpus", corpusId)],
  );
}

export async function findOperation(db: Queryable, operationId: string): Promise<Operation | null> {
  if (!isUuid(operationId)) return null;
  const [found] = await db.query<Operation>(`select ${COLUMNS} from operations where id = $1::uuid`, [operationId]);
  return found ?? null;
}

/** Newest first; of one corpus, or of all and of none. */
export function listOperations(
  db: Queryable,
  { limit, corpusId }: { limit: number; corpusId?: string | undefined },
): Promise<Operation[]> {
  return db.query<Operation>(
    `select ${COLUMNS} from operations where $2::uuid is null or corpus_id = $2::uuid
     order by created_at desc, id limit $1::integer`,
    [limit, corpusId === undefined ? null : requireUuid("corpus", corpusId)],
  );
}

/** The operations that have changed since they were seen. */
export function changedOperations(db: Queryable, seen: readonly Seen[]): Promise<Versioned<Operation>[]> {
  return changedRows<Operation>(db, { name: "operations", columns: COLUMNS }, seen);
}
