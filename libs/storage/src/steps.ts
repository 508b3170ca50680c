import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { BLOCKED_BY, NEEDS, STEPS, STEPS_OF_SPACES, type Step, stepsBefore } from "./step-order.ts";
import { StorageError } from "./storage-error.ts";
import { requireUuid } from "./uuid.ts";

export type StepCounts = {
  readonly pending: number;
  readonly leased: number;
  readonly done: number;
  readonly failed: number;
  readonly excluded: number;
  /** The sum of the five. Equal to the number of images once the step is planned for all of them. */
  readonly total: number;
};

/** A step that failed this often, or was left this often by a worker that died, is not tried again. */
export const MAX_ATTEMPTS = 5;
export const FIRST_BACKOFF_SECONDS = 2;
export const LONGEST_BACKOFF_SECONDS = 300;

/** "prepare" does not depend on a model; the others belong to a space. */
function spaceOf(step: Step, spaceId: string | null): string | null {
  if (step === "prepare") return null;
  if (spaceId === null) throw new StorageError("INVALID_VALUE", `Step "${step}" needs a spaceId.`);
  return requireUuid("space", spaceId);
}

/**
 * Adds the missing rows for the given steps and for those they wait for; an image whose earlier step failed is
 * excluded at once. Vectors are planned for every space of the corpus that is written to, so that a space which is being built or stands by
 * misses no picture. Repeating it is harmless: a priority counts for the rows that are added (raisePriority changes others).
 * `imageIds` limits it to the images just registered.
 */
export async function planSteps(
  db: Queryable,
  plan: {
    corpusId: string;
    spaceId: string | null;
    steps: readonly Step[];
    imageIds?: readonly string[];
    priority?: number | undefined;
  },
): Promise<void> {
  const steps = [...new Set(plan.steps.flatMap((step) => [step, ...stepsBefore(step)]))];
  const spaceId = steps.some((step) => step !== "prepare") ? spaceOf("embed", plan.spaceId) : null;
  await db.query(
    `with used as (
       insert into corpus_spaces (corpus_id, space_id) select $1::uuid, $2::uuid where $2::uuid is not null
       on conflict do nothing
     ), wanted as (
       select step, case when step <> 'prepare' then $2::uuid end as space_id from unnest($3::text[]) as asked (step)
       union
       select step, u.space_id from unnest($3::text[]) as asked (step) cross join corpus_spaces u
       where step = any ($6::text[]) and u.corpus_id = $1::uuid and u.retired_at is null
     ), planned as (
       insert into image_steps (image_id, corpus_id, step, space_id, priority)
       select i.id, i.corpus_id, wanted.step, wanted.space_id, $5::smallint
       from images i cross join wanted
       where i.corpus_id = $1::uuid and ($4::uuid[] is null or i.id = any ($4::uuid[]))
       on conflict do nothing
     )
     select`,
    [
      requireUuid("corpus", plan.corpusId),
      spaceId,
      steps,
      plan.imageIds ?? null,
      requirePriority(plan.priority ?? PRIORITIES.bulk),
      STEPS_OF_SPACES,
    ],
  );
  await excludeBlockedSteps(db, plan.corpusId, plan.imageIds ?? null);
}

/** Excludes steps that wait for one which will not be done: it failed, or is excluded itself. failStep does so at once; this catches rows planned later. */
async function excludeBlockedSteps(db: Queryable, corpusId: string, imageIds: readonly string[] | null): Promise<void> {
  await db.query(
    `update image_steps later
     set state = 'excluded', updated_at = now(),
       error_code = case when earlier.error_code = 'CANCELLED' then 'CANCELLED' else 'EARLIER_STEP_FAILED' end,
       error_message = earlier.step || ': ' || coalesce(earlier.error_message, earlier.state)
     from image_steps earlier join ${BLOCKED_BY} on blocked_by.needed = earlier.step
     where earlier.corpus_id = $1::uuid and earlier.state in ('failed', 'excluded') and later.image_id = earlier.image_id
       and ($2::uuid[] is null or earlier.image_id = any ($2::uuid[])) and later.step = blocked_by.step and later.state = 'pending'
       and (earlier.space_id is null or later.space_id = earlier.space_id)`,
    [corpusId, imageIds],
  );
}

/** Priorities of steps that have a name; any whole number from -100 to 100 is one. */
export const PRIORITIES = { bulk: 0, upload: 10 } as const;
const LARGEST_PRIORITY = 100;

export function requirePriority(priority: number): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= LARGEST_PRIORITY) return priority;
  const range = `a whole number from -${LARGEST_PRIORITY} to ${LARGEST_PRIORITY}`;
  throw new StorageError("INVALID_VALUE", `Priority ${priority} of a step must be ${range}.`);
}

export type ClaimedStep = { readonly imageId: string; readonly sha256: string; readonly attempts: number };

export type Claim = {
  readonly corpusId: string;
  readonly step: Step;
  readonly spaceId: string | null;
  readonly limit: number;
  /** How long the work may take. After that the step is given to another worker. */
  readonly leaseMs: number;
  /**
   * Names who holds the steps, for extendLeases and releaseLeases. A name for each claim, WORKER/NUMBER: when the answer to a claim is lost
   * nobody knows what it gave out, and only a name that nobody extends lets it come back.
   */
  readonly owner: string;
  /**
   * Which priority goes first, the highest unless told otherwise. Who claims again and again takes the lowest now and then, or work of a low
   * priority would wait for as long as other work comes.
   */
  readonly first?: "highest" | "lowest" | undefined;
  /** The time to compare leases and retries with; the database's own by default. */
  readonly now?: Date | undefined;
};

/**
 * Hands out steps that are ready: pending or with an expired lease, and whose earlier step is done. No step goes to two
 * workers, and none of a paused corpus to anybody. By priority, then in the order of image ids, so that what was prepared
 * first is embedded first.
 */
export function claimSteps(db: Queryable, claim: Claim): Promise<ClaimedStep[]> {
  return db.query<ClaimedStep>(claim.first === "lowest" ? CLAIM_LOWEST : CLAIM_HIGHEST, [
    claim.step,
    spaceOf(claim.step, claim.spaceId),
    requireUuid("corpus", claim.corpusId),
    claim.limit,
    claim.leaseMs,
    claim.owner,
    claim.now ?? null,
    MAX_ATTEMPTS,
    NEEDS[claim.step],
  ]);
}

const CLAIM_HIGHEST = claimStatement("s.priority desc, s.image_id");
const CLAIM_LOWEST = claimStatement("s.priority, s.image_id desc");

/**
 * Either order is that of the index image_steps_open, read forwards or backwards, so nothing is sorted: a claim reads what it takes and what others hold.
 * 16 of 50,000 open steps beside another corpus of 50,000: 3.4 ms; a step with nothing open: 6 ms, before the corpus was in the index 204 ms
 * (2026-11-25, PostgreSQL 18, one busy core).
 */
function claimStatement(order: "s.priority desc, s.image_id" | "s.priority, s.image_id desc"): string {
  return `with moment as (
     select coalesce($7::timestamptz, now()) as at
   ), abandoned as (
     update image_steps s
     set state = 'failed', error_code = 'WORKER_DIED', error_class = 'TRANSIENT',
       error_message = format('%s workers died during this step', s.attempts),
       lease_owner = null, lease_until = null, updated_at = now()
     from moment
     where s.state = 'leased' and s.lease_until < moment.at and s.attempts >= $8::integer
     returning s.image_id, s.step, s.space_id, s.error_message
   ), excluded as (
     update image_steps later
     set state = 'excluded', error_code = 'EARLIER_STEP_FAILED',
       error_message = earlier.step || ': ' || earlier.error_message, updated_at = now()
     from abandoned earlier join ${BLOCKED_BY} on blocked_by.needed = earlier.step
     where later.image_id = earlier.image_id and later.step = blocked_by.step and later.state = 'pending'
       and (earlier.space_id is null or later.space_id = earlier.space_id)
   ), ready as (
     select s.id from image_steps s cross join moment
     where s.step = $1::text and (s.space_id = $2::uuid or (s.space_id is null and $2::uuid is null))
       and s.corpus_id = $3::uuid
       and not exists (select from corpora c where c.id = $3::uuid and c.paused_at is not null)
       and s.state in ('pending', 'leased')
       and ((s.state = 'pending' and s.next_attempt_at <= moment.at)
         or (s.state = 'leased' and s.lease_until < moment.at and s.attempts < $8::integer))
       and ($9::text is null or exists (
         select from image_steps earlier
         where earlier.image_id = s.image_id and earlier.step = $9::text and earlier.state = 'done'
           and (earlier.space_id is null or earlier.space_id = s.space_id)))
     order by ${order} limit $4::integer
     for update of s skip locked
   )
   update image_steps s
   set state = 'leased', attempts = s.attempts + 1, lease_owner = $6::text,
     lease_until = moment.at + make_interval(secs => $5::double precision / 1000), updated_at = now()
   from ready, moment, images i
   where s.id = ready.id and i.id = s.image_id
   returning s.image_id as "imageId", i.sha256, s.attempts`;
}

/** Call it in the transaction that saves what the step made. What is done, failed or excluded stays so. */
export async function completeSteps(
  db: Queryable,
  completed: { step: Step; spaceId: string | null; imageIds: readonly string[] },
): Promise<void> {
  await db.query(
    `update image_steps
     set state = 'done', error_code = null, error_class = null, error_message = null, lease_owner = null, lease_until = null, updated_at = now()
     where image_id = any ($3::uuid[]) and step = $1::text and state in ('pending', 'leased')
       and (space_id = $2::uuid or (space_id is null and $2::uuid is null))`,
    [completed.step, spaceOf(completed.step, completed.spaceId), completed.imageIds],
  );
}

export type StepFailure = {
  readonly step: Step;
  readonly spaceId: string | null;
  readonly imageId: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly now?: Date | undefined;
};

/**
 * Puts a step back with a growing delay, or fails it for good when it cannot be retried or was tried MAX_ATTEMPTS
 * times; then the steps that wait for it are excluded. Returns what became of it; null when it was already done.
 */
export async function failStep(db: Queryable, failure: StepFailure): Promise<"pending" | "failed" | null> {
  const [row] = await db.query<{ state: "pending" | "failed" }>(
    `with failed as (
       update image_steps
       set state = case when $6::boolean and attempts < $8::integer then 'pending' else 'failed' end,
         next_attempt_at = coalesce($7::timestamptz, now())
           + make_interval(secs => least($9::double precision * power(2, greatest(attempts - 1, 0)), $10::double precision)),
         error_code = $4::text, error_class = case when $6::boolean then 'TRANSIENT' else 'PERMANENT' end,
         error_message = $5::text, lease_owner = null, lease_until = null, updated_at = now()
       where image_id = $3::uuid and step = $1::text and state not in ('done', 'excluded')
         and (space_id = $2::uuid or (space_id is null and $2::uuid is null))
       returning image_id, step, space_id, state, error_message
     ), excluded as (
       update image_steps later
       set state = 'excluded', error_code = 'EARLIER_STEP_FAILED',
         error_message = failed.step || ': ' || failed.error_message, updated_at = now()
       from failed join ${BLOCKED_BY} on blocked_by.needed = failed.step
       where failed.state = 'failed' and later.image_id = failed.image_id and later.step = blocked_by.step
         and later.state = 'pending' and (failed.space_id is null or later.space_id = failed.space_id)
     )
     select state from failed`,
    [
      failure.step,
      spaceOf(failure.step, failure.spaceId),
      requireUuid("image", failure.imageId),
      failure.code,
      withoutZeros(failure.message),
      failure.retryable,
      failure.now ?? null,
      MAX_ATTEMPTS,
      FIRST_BACKOFF_SECONDS,
      LONGEST_BACKOFF_SECONDS,
    ],
  );
  return row?.state ?? null;
}

/**
 * Gives back what a worker still holds when it stops in good order, under its own name or one that begins with it and a slash; this does
 * not count as an attempt.
 */
export async function releaseLeases(db: Queryable, { owner }: { owner: string }): Promise<void> {
  await db.query(
    `update image_steps
     set state = 'pending', attempts = attempts - 1, lease_owner = null, lease_until = null, updated_at = now()
     where state = 'leased' and (lease_owner = $1::text or starts_with(lease_owner, $1::text || '/'))`,
    [owner],
  );
}

/** Keeps what was claimed under these names for another `leaseMs` from now. */
export async function extendLeases(
  db: Queryable,
  { owners, leaseMs }: { owners: readonly string[]; leaseMs: number },
): Promise<void> {
  await db.query(
    `update image_steps set lease_until = now() + make_interval(secs => $2::double precision / 1000)
     where state = 'leased' and lease_owner = any ($1::text[])`,
    [owners, leaseMs],
  );
}

/**
 * Opens steps of these images that were done, because what they are made from has changed. Call it in the transaction of the change:
 * a worker that has the step in hand then waits for the change before it can complete it.
 */
export async function reopenSteps(
  db: Queryable,
  { imageIds, steps }: { imageIds: readonly string[]; steps: readonly Step[] },
): Promise<void> {
  await db.query(
    `${REOPEN} where image_id = any ($1::uuid[]) and step = any ($2::text[]) and state in ('done', 'leased')`,
    [imageIds, steps],
  );
}

/** The same for every image of a corpus. */
export async function reopenCorpusSteps(
  db: Queryable,
  { corpusId, steps }: { corpusId: string; steps: readonly Step[] },
): Promise<void> {
  await db.query(`${REOPEN} where corpus_id = $1::uuid and step = any ($2::text[]) and state in ('done', 'leased')`, [
    requireUuid("corpus", corpusId),
    steps,
  ]);
}

/** A leased step keeps its lease: touching the row alone makes its worker wait. */
const REOPEN = `update image_steps
  set state = case when state = 'done' then 'pending' else state end,
    attempts = case when state = 'done' then 0 else attempts end, next_attempt_at = now(), updated_at = now()`;

/** How far the corpus is: every step with the number of images in each state. */
export async function stepCounts(
  db: Queryable,
  corpusId: string,
  spaceId: string | null,
): Promise<Record<Step, StepCounts>> {
  const rows = await db.query<StepCounts & { step: Step }>(
    `select wanted.step,
       count(*) filter (where s.state = 'pending')::integer as pending,
       count(*) filter (where s.state = 'leased')::integer as leased,
       count(*) filter (where s.state = 'done')::integer as done,
       count(*) filter (where s.state = 'failed')::integer as failed,
       count(*) filter (where s.state = 'excluded')::integer as excluded,
       count(s.id)::integer as total
     from unnest($3::text[]) as wanted (step)
     left join image_steps s on s.corpus_id = $1::uuid and s.step = wanted.step
       and (s.step = 'prepare' or s.space_id = $2::uuid)
     group by wanted.step`,
    [requireUuid("corpus", corpusId), spaceId, [...STEPS]],
  );
  return Object.fromEntries(rows.map(({ step, ...counts }) => [step, counts])) as Record<Step, StepCounts>;
}

export type FailedStep = {
  readonly imageId: string;
  readonly step: Step;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  readonly origins: readonly string[];
};

/** What failed for good, and why: for reports to people. */
export function listFailedSteps(db: Queryable, corpusId: string, { limit }: { limit: number }): Promise<FailedStep[]> {
  return db.query<FailedStep>(
    `select s.image_id as "imageId", s.step, s.error_code as code, s.error_message as message, s.attempts,
       array(select o.origin from image_origins o where o.image_id = s.image_id order by o.created_at, o.origin) as origins
     from image_steps s where s.corpus_id = $1::uuid and s.state = 'failed'
     order by s.id limit $2::integer`,
    [requireUuid("corpus", corpusId), limit],
  );
}
