import type { Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";
import { BLOCKED_BY, type Step } from "./step-order.ts";
import { requirePriority } from "./steps.ts";
import { requireUuid } from "./uuid.ts";
import { wakeCorpus } from "./wakes.ts";

// What people decide about the work on a corpus. All of it is rows: it holds for every process, and after a restart.

/** From now on nobody gets a step of the corpus; what a worker has in hand it finishes. Returns since when it is paused. */
export async function pauseCorpus(db: Queryable, corpusId: string): Promise<Date> {
  const [paused] = await db.query<{ at: Date }>(
    "update corpora set paused_at = coalesce(paused_at, now()) where id = $1::uuid and deleted_at is null returning paused_at as at",
    [requireUuid("corpus", corpusId)],
  );
  if (!paused) throw new StorageError("NOT_FOUND", `There is no corpus "${corpusId}".`);
  return paused.at;
}

/** Ends a pause, and wakes the workers. Returns whether there was one. */
export async function resumeCorpus(db: Queryable, corpusId: string): Promise<boolean> {
  const resumed = await db.query(
    "update corpora set paused_at = null where id = $1::uuid and paused_at is not null and deleted_at is null returning id",
    [requireUuid("corpus", corpusId)],
  );
  if (resumed.length > 0) await wakeCorpus(db, corpusId);
  return resumed.length > 0;
}

/** Since when the corpus is paused; null when it is not. */
export async function pausedSince(db: Queryable, corpusId: string): Promise<Date | null> {
  const [corpus] = await db.query<{ at: Date | null }>("select paused_at as at from corpora where id = $1::uuid", [
    requireUuid("corpus", corpusId),
  ]);
  return corpus?.at ?? null;
}

/** Gives open steps of these images at least this priority: somebody waits for them. Returns how many steps moved up. */
export async function raisePriority(
  db: Queryable,
  { imageIds, priority }: { imageIds: readonly string[]; priority: number },
): Promise<number> {
  const raised = await db.query(
    `update image_steps set priority = $2::smallint
     where image_id = any ($1::uuid[]) and state in ('pending', 'leased') and priority < $2::smallint
     returning id`,
    [imageIds, requirePriority(priority)],
  );
  return raised.length;
}

/**
 * PERMANENT: the same call would fail again, so the step fails at once. TRANSIENT: it was tried again, and failed for good after
 * MAX_ATTEMPTS times.
 */
export type ErrorClass = "PERMANENT" | "TRANSIENT";

/** Which failed steps are meant; what is absent is not asked for. */
export type FailedStepFilter = {
  readonly corpusId: string;
  readonly step?: Step | undefined;
  readonly code?: string | undefined;
  readonly errorClass?: ErrorClass | undefined;
};

/**
 * Gives failed and cancelled steps, and those excluded because of them, a fresh set of attempts. A step that another one which is not tried again
 * keeps from beginning stays excluded. Wakes the workers. Returns how many steps are open again.
 */
export async function retryFailedSteps(db: Queryable, filter: FailedStepFilter): Promise<number> {
  const [opened] = await db.query<{ count: number }>(
    `with meant as (
       select id, image_id, step, space_id, state from image_steps
       where corpus_id = $1::uuid and ${ENDED_BADLY} and ($2::text is null or step = $2::text)
         and ($3::text is null or error_code = $3::text) and ($4::text is null or error_class = $4::text)
     ), retried as (
       update image_steps later ${OPEN}
       from meant where later.id = meant.id and (meant.state = 'failed' or not ${blockedOutside("meant")})
       returning later.id, later.image_id, later.step, later.space_id
     ), opened as (
       update image_steps later ${OPEN}
       where later.corpus_id = $1::uuid and later.state = 'excluded' and later.error_code = 'EARLIER_STEP_FAILED'
         and exists (
           select from retried earlier join ${BLOCKED_BY} on blocked_by.needed = earlier.step
           where earlier.image_id = later.image_id and blocked_by.step = later.step
             and (earlier.space_id is null or earlier.space_id = later.space_id))
         and not ${blockedOutside("retried")}
       returning later.id
     )
     select ((select count(*) from retried) + (select count(*) from opened))::integer as count`,
    [requireUuid("corpus", filter.corpusId), filter.step ?? null, filter.code ?? null, filter.errorClass ?? null],
  );
  if (opened && opened.count > 0) await wakeCorpus(db, filter.corpusId);
  return opened?.count ?? 0;
}

const ENDED_BADLY = "(state = 'failed' or (state = 'excluded' and error_code = 'CANCELLED'))";
const OPEN = `set state = 'pending', attempts = 0, next_attempt_at = now(), error_code = null, error_class = null, error_message = null,
         updated_at = now()`;

/** Whether a step that `later` needs ended badly and is not one of those that are tried again. */
function blockedOutside(tried: "meant" | "retried"): string {
  return `exists (
           select from image_steps other join ${BLOCKED_BY} on blocked_by.needed = other.step
           where other.image_id = later.image_id and blocked_by.step = later.step
             and (other.state = 'failed' or (other.state = 'excluded' and other.error_code = 'CANCELLED'))
             and (other.space_id is null or other.space_id = later.space_id)
             and not exists (select from ${tried} where ${tried}.id = other.id))`;
}

/**
 * Takes the open steps of a corpus out of the work, because a person cancelled it: those that no living worker has in hand. Returns how many.
 */
export async function excludeOpenSteps(db: Queryable, corpusId: string): Promise<number> {
  const excluded = await db.query(
    `update image_steps
     set state = 'excluded', error_code = 'CANCELLED', error_class = null, lease_owner = null, lease_until = null, updated_at = now(),
       error_message = 'Cancelled; a retry of what failed opens it again.'
     where corpus_id = $1::uuid and (state = 'pending' or (state = 'leased' and lease_until < now())) returning id`,
    [requireUuid("corpus", corpusId)],
  );
  return excluded.length;
}

/** Steps that failed for the same reason, in numbers. */
export type FailureClass = {
  readonly step: Step;
  readonly code: string;
  readonly errorClass: ErrorClass;
  /** Failed for good. */
  readonly failed: number;
  /** Will be tried again by themselves. */
  readonly waiting: number;
  /** Taken out of the work by a person; their code is CANCELLED. */
  readonly cancelled: number;
  /** What was said of the last of them. */
  readonly message: string;
};

/** Why steps of the corpus failed, wait or were cancelled, most frequent first; of one space and of the steps that belong to none. */
export function failureClasses(db: Queryable, corpusId: string, spaceId: string | null): Promise<FailureClass[]> {
  return db.query<FailureClass>(
    `select step, error_code as code, coalesce(error_class, 'PERMANENT') as "errorClass",
       count(*) filter (where state = 'failed')::integer as failed,
       count(*) filter (where state in ('pending', 'leased'))::integer as waiting,
       count(*) filter (where state = 'excluded')::integer as cancelled,
       (array_agg(error_message order by updated_at desc))[1] as message
     from image_steps
     where corpus_id = $1::uuid and (space_id is null or space_id = $2::uuid)
       and (state in ('failed', 'pending', 'leased') and error_code is not null or (state = 'excluded' and error_code = 'CANCELLED'))
     group by 1, 2, 3 order by count(*) desc, 1, 2`,
    [requireUuid("corpus", corpusId), spaceId],
  );
}
