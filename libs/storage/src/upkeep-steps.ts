import type { Queryable } from "./database.ts";
import { BLOCKED_BY, type Step } from "./step-order.ts";
import type { StepCounts } from "./steps.ts";
import { requireUuid } from "./uuid.ts";

/** A step of an image, in the space that it belongs to; null for "prepare". */
export type StepOfImage = { readonly imageId: string; readonly step: Step; readonly spaceId: string | null };

/**
 * Takes those of the steps that are open already: this upkeep watches them, and they stay somebody else's work. Call it in the transaction that opens the
 * others, before these are planned.
 */
export async function takeOpenSteps(
  db: Queryable,
  { operationId, steps }: { operationId: string; steps: readonly StepOfImage[] },
): Promise<void> {
  await db.query(
    `insert into upkeep_steps (operation_id, step_id, was_open)
     select $1::uuid, s.id, true from unnest($2::uuid[], $3::text[], $4::uuid[]) as row (image_id, step, space_id)
     join image_steps s on s.image_id = row.image_id and s.step = row.step and s.space_id is not distinct from row.space_id
     where s.state in ('pending', 'leased')
     on conflict do nothing`,
    [
      requireUuid("operation", operationId),
      steps.map(({ imageId }) => imageId),
      steps.map(({ step }) => step),
      steps.map(({ spaceId }) => spaceId),
    ],
  );
}

/**
 * Opens steps that were done, and those that a person had cancelled, and takes them, with those that are open already, for the steps of this upkeep. Steps
 * that failed, or need one that failed or was cancelled, stay so: retryFailedSteps opens them. Call it in a transaction. Returns how many are the upkeep's.
 */
export async function openUpkeepSteps(
  db: Queryable,
  { operationId, steps }: { operationId: string; steps: readonly StepOfImage[] },
): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `with meant as (
       select s.id from unnest($2::uuid[], $3::text[], $4::uuid[]) as row (image_id, step, space_id)
       join image_steps s on s.image_id = row.image_id and s.step = row.step and s.space_id is not distinct from row.space_id
       where s.state in ('done', 'pending', 'leased') or (s.state = 'excluded' and s.error_code = 'CANCELLED' and not exists (
         select from image_steps other join ${BLOCKED_BY} on blocked_by.needed = other.step
         where other.image_id = s.image_id and blocked_by.step = s.step and other.state in ('failed', 'excluded')
           and (other.space_id is null or other.space_id = s.space_id)))
     ), opened as (
       update image_steps s set state = 'pending', attempts = 0, next_attempt_at = now(), error_code = null, error_class = null,
         error_message = null, updated_at = now()
       from meant where s.id = meant.id and s.state in ('done', 'excluded')
     ), touched as (
       update image_steps s set updated_at = now() from meant where s.id = meant.id and s.state in ('pending', 'leased')
     ), taken as (
       insert into upkeep_steps (operation_id, step_id) select $1::uuid, id from meant on conflict do nothing
     )
     select count(*)::integer as count from meant`,
    [
      requireUuid("operation", operationId),
      steps.map(({ imageId }) => imageId),
      steps.map(({ step }) => step),
      steps.map(({ spaceId }) => spaceId),
    ],
  );
  return row?.count ?? 0;
}

export type UpkeepStepCounts = StepCounts & { readonly step: Step; readonly spaceId: string | null };

/** How far the steps of an upkeep are, by step and space; nothing once it has ended. */
export function upkeepStepCounts(db: Queryable, operationId: string): Promise<UpkeepStepCounts[]> {
  return db.query<UpkeepStepCounts>(
    `select s.step, s.space_id as "spaceId",
       count(*) filter (where s.state = 'pending')::integer as pending,
       count(*) filter (where s.state = 'leased')::integer as leased,
       count(*) filter (where s.state = 'done')::integer as done,
       count(*) filter (where s.state = 'failed')::integer as failed,
       count(*) filter (where s.state = 'excluded')::integer as excluded,
       count(*)::integer as total
     from upkeep_steps u join image_steps s on s.id = u.step_id where u.operation_id = $1::uuid group by 1, 2 order by 1, 2`,
    [requireUuid("operation", operationId)],
  );
}

/**
 * Takes the open steps of an upkeep out of the work, because a person cancelled it, and with them those that cannot begin without them. What was open
 * before the upkeep, and what another one that is open wants as well, stays open, and so do verdicts on captions that it has had written: these stand in the
 * place of others already.
 */
export async function excludeUpkeepSteps(db: Queryable, operationId: string): Promise<void> {
  await db.query(
    `with out as (
       update image_steps s ${CANCELLED}
       from upkeep_steps u where u.operation_id = $1::uuid and s.id = u.step_id and not u.was_open and ${IS_FREE} and not ${IS_OWED}
         and not exists (
           select from upkeep_steps other join operations o on o.id = other.operation_id
           where other.step_id = s.id and other.operation_id <> $1::uuid and o.finished_at is null)
       returning s.id, s.image_id, s.step, s.space_id
     )
     update image_steps s ${CANCELLED}
     from out earlier join ${BLOCKED_BY} on blocked_by.needed = earlier.step
     where s.image_id = earlier.image_id and s.step = blocked_by.step and ${IS_FREE} and s.id not in (select id from out)
       and (earlier.space_id is null or s.space_id = earlier.space_id)`,
    [requireUuid("operation", operationId)],
  );
}

/** The verdict on what the upkeep's run has written, or is being written, about the picture. */
const IS_OWED = `(s.step = 'filter' and exists (
           select from upkeeps k where k.operation_id = $1::uuid and k.caption_run_id is not null and (
             exists (select from captions c where c.image_id = s.image_id and c.run_id = k.caption_run_id)
             or exists (
               select from image_steps written
               where written.image_id = s.image_id and written.step = 'caption' and written.space_id = s.space_id
                 and written.state = 'leased' and written.lease_until >= now()))))`;
/** In no living worker's hands. */
const IS_FREE = "(s.state = 'pending' or (s.state = 'leased' and s.lease_until < now()))";
const CANCELLED = `set state = 'excluded', error_code = 'CANCELLED', error_class = null, lease_owner = null, lease_until = null, updated_at = now(),
         error_message = 'Cancelled; a retry of what failed opens it again.'`;

/** What an upkeep that ends leaves behind is in the counts of its operation. */
export async function forgetUpkeepSteps(db: Queryable, operationId: string): Promise<void> {
  await db.query("delete from upkeep_steps where operation_id = $1::uuid", [requireUuid("operation", operationId)]);
}
