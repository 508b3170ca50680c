import type { Queryable } from "./database.ts";
import type { ImageFilter } from "./image-filter.ts";
import { createOperation, type Operation, UPKEEP_OPERATIONS, type UpkeepKind } from "./operations.ts";
import { parseImageFilter } from "./parse-image-filter.ts";
import { lockSpaces } from "./spaces.ts";
import { StorageError } from "./storage-error.ts";
import { isUuid, requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

/** Work on what a corpus holds already: its index, missing products, captions or their scores made anew. */
export type Upkeep = {
  readonly operationId: string;
  readonly kind: UpkeepKind;
  readonly corpusId: string;
  /** It only counts what there would be to do. */
  readonly dryRun: boolean;
  /** Of REBUILD_INDEX: the space; null: the one that answers. */
  readonly spaceId: string | null;
  /** Of RECAPTION and REFILTER: which pictures; absent: all. */
  readonly filter: ImageFilter | undefined;
  /** Of REFILTER: also captions that the filter has scored. */
  readonly everything: boolean;
  /** All pictures up to this id have been looked at; null before the first. */
  readonly lookedUpTo: string | null;
  /** All pictures have been looked at. */
  readonly looked: boolean;
  /** Of RECAPTION: the run that it began; null before. */
  readonly captionRunId: string | null;
  /** Of REBUILD_INDEX: what was measured, as JSON; null before. */
  readonly measured: unknown;
};

type Row = Omit<Upkeep, "filter"> & { readonly filter: unknown };

const COLUMNS = `u.operation_id as "operationId", o.kind, u.corpus_id as "corpusId", u.dry_run as "dryRun", u.space_id as "spaceId",
  u.image_filter as filter, u.everything, u.looked_up_to as "lookedUpTo", u.looked, u.caption_run_id as "captionRunId", u.measured`;

export type UpkeepRequest = Pick<Upkeep, "kind" | "corpusId"> &
  Partial<Pick<Upkeep, "dryRun" | "spaceId" | "filter" | "everything">>;

/**
 * Opens the operation that workers look for. Call it in a transaction.
 * @throws StorageError NOT_FOUND; CONFLICT where one of the same kind is open in the corpus
 */
export async function requestUpkeep(db: Queryable, request: UpkeepRequest): Promise<Operation> {
  const { kind, corpusId, dryRun = false, spaceId = null, filter, everything = false } = request;
  await lockSpaces(db, corpusId);
  const open = await openUpkeepOf(db, { corpusId, kind });
  if (open !== null) {
    const message = `Operation "${open.operationId}" of the same kind, ${kind}, is open in the corpus. Wait for it, or cancel it.`;
    throw new StorageError("CONFLICT", message);
  }
  if (spaceId !== null) await requireSpaceOf(db, corpusId, spaceId);
  await forgetEndedUpkeeps(db, corpusId);
  const operation = await createOperation(db, { kind, corpusId });
  await db.query(
    `insert into upkeeps (operation_id, corpus_id, dry_run, space_id, image_filter, everything)
     values ($1::uuid, $2::uuid, $3::boolean, $4::uuid, $5::jsonb, $6::boolean)`,
    [operation.id, corpusId, dryRun, spaceId, filter === undefined ? null : JSON.stringify(filter), everything],
  );
  await wakeCorpus(db, corpusId);
  return operation;
}

async function requireSpaceOf(db: Queryable, corpusId: string, spaceId: string): Promise<void> {
  const found = isUuid(spaceId)
    ? await db.query(
        "select from corpus_spaces where corpus_id = $1::uuid and space_id = $2::uuid and retired_at is null",
        [corpusId, spaceId],
      )
    : [];
  if (found.length > 0) return;
  throw new StorageError("NOT_FOUND", `The corpus has no space "${spaceId}". Its spaces: medley spaces list.`);
}

/** Steps of upkeeps that were cancelled while nobody was at them, or whose worker was killed after its end. */
async function forgetEndedUpkeeps(db: Queryable, corpusId: string): Promise<void> {
  await db.query(
    `delete from upkeep_steps s using upkeeps u join operations o on o.id = u.operation_id
     where s.operation_id = u.operation_id and u.corpus_id = $1::uuid and o.finished_at is not null`,
    [corpusId],
  );
}

/** The open one of that kind in a corpus, whoever has it in hand; null when there is none. */
export async function openUpkeepOf(
  db: Queryable,
  { corpusId, kind }: Pick<Upkeep, "corpusId" | "kind">,
): Promise<Upkeep | null> {
  const [open] = await db.query<Row>(
    `select ${COLUMNS} from upkeeps u join operations o on o.id = u.operation_id
     where u.corpus_id = $1::uuid and o.kind = $2::text and o.finished_at is null`,
    [requireUuid("corpus", corpusId), kind],
  );
  return open ? upkeepOf(open) : null;
}

export async function findUpkeep(db: Queryable, operationId: string): Promise<Upkeep | null> {
  if (!isUuid(operationId)) return null;
  const [found] = await db.query<Row>(
    `select ${COLUMNS} from upkeeps u join operations o on o.id = u.operation_id where u.operation_id = $1::uuid`,
    [operationId],
  );
  return found ? upkeepOf(found) : null;
}

/**
 * Takes an open upkeep of a corpus that no other worker has in hand, the oldest unless one is named, for `leaseMs`; the same worker may take it
 * again, which is how it keeps it. A paused corpus is left alone. Null when there is none.
 */
export async function claimUpkeep(
  db: Queryable,
  claim: { corpusId: string; worker: string; leaseMs: number; operationId?: string | undefined },
): Promise<Upkeep | null> {
  const [claimed] = await db.query<Row>(
    `update upkeeps u set worker = $2::text, worker_until = now() + make_interval(secs => $3::double precision / 1000)
     from operations o
     where o.id = u.operation_id and o.finished_at is null and u.operation_id = (
       select ready.operation_id from upkeeps ready
       join operations p on p.id = ready.operation_id and p.finished_at is null
       join corpora c on c.id = ready.corpus_id and c.paused_at is null
       where ready.corpus_id = $1::uuid and ($4::uuid is null or ready.operation_id = $4::uuid)
         and (ready.worker_until is null or ready.worker_until < now() or ready.worker = $2::text)
       order by p.created_at, p.id limit 1 for update of ready skip locked)
     returning ${COLUMNS}`,
    [requireUuid("corpus", claim.corpusId), claim.worker, claim.leaseMs, claim.operationId ?? null],
  );
  return claimed ? upkeepOf(claimed) : null;
}

/** Gives it back, so that another worker need not wait for the lease. */
export async function releaseUpkeep(db: Queryable, { worker }: { worker: string }): Promise<void> {
  await db.query("update upkeeps set worker = null, worker_until = null where worker = $1::text", [worker]);
}

/** Writes down how far it is, so that another worker can go on from there; what is absent stays. */
export async function saveUpkeep(
  db: Queryable,
  {
    operationId,
    lookedUpTo,
    looked,
    captionRunId,
    measured,
  }: Pick<Upkeep, "operationId"> & Partial<Pick<Upkeep, "lookedUpTo" | "looked" | "captionRunId" | "measured">>,
): Promise<void> {
  await db.query(
    `update upkeeps set looked_up_to = coalesce($2::uuid, looked_up_to), looked = coalesce($3::boolean, looked),
       caption_run_id = coalesce($4::uuid, caption_run_id), measured = coalesce($5::jsonb, measured)
     where operation_id = $1::uuid`,
    [
      requireUuid("operation", operationId),
      lookedUpTo ?? null,
      looked ?? null,
      captionRunId ?? null,
      measured == null ? null : JSON.stringify(measured),
    ],
  );
}

/** The corpora of open upkeeps, whoever has them in hand. */
export async function corporaToKeepUp(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ corpusId: string }>(
    `select distinct corpus_id as "corpusId" from operations where finished_at is null and kind = any ($1::text[])`,
    [UPKEEP_OPERATIONS],
  );
  return new Set(rows.map(({ corpusId }) => corpusId));
}

function upkeepOf({ filter, ...row }: Row): Upkeep {
  return { ...row, filter: filter === null ? undefined : parseImageFilter(filter) };
}
