import { type Database, inTransaction, type Queryable } from "./database.ts";
import { BLOCKED_BY, excludeBlockedSteps, type Step } from "./steps.ts";
import { requireUuid } from "./uuid.ts";

export type FailedSteps = {
  readonly corpusId: string;
  /** Absent: of every step. */
  readonly step?: Step | undefined;
  /** Those that failed with this code; absent: with any. */
  readonly code?: string | undefined;
};

/**
 * Gives failed and cancelled steps, and those excluded because of them, a fresh set of attempts; one that waits for another step which is
 * not opened stays excluded. Returns how many are open now that were not.
 */
export function retryFailedSteps(db: Queryable | Database, failed: FailedSteps): Promise<number> {
  return inTransaction(db, async (tx) => {
    const opened = await tx.query<{ id: number }>(
      `with retried as (
         update image_steps ${OPEN}
         where corpus_id = $1::uuid and (state = 'failed' or (state = 'excluded' and error_code = 'CANCELLED'))
           and ($2::text is null or step = $2::text) and ($3::text is null or error_code = $3::text)
         returning id, image_id, step, space_id
       ), freed as (
         update image_steps later ${OPEN}
         where later.corpus_id = $1::uuid and later.state = 'excluded' and later.error_code = 'EARLIER_STEP_FAILED'
           and exists (
             select from retried join ${BLOCKED_BY} on blocked_by.needed = retried.step
             where retried.image_id = later.image_id and blocked_by.step = later.step
               and (retried.space_id is null or retried.space_id = later.space_id))
         returning later.id
       )
       select id::double precision as id from retried union all select id::double precision from freed`,
      [requireUuid("corpus", failed.corpusId), failed.step ?? null, failed.code ?? null],
    );
    if (opened.length === 0) return 0;
    await excludeBlockedSteps(tx, failed.corpusId);
    const [row] = await tx.query<{ open: number }>(
      "select count(*)::integer as open from image_steps where id = any ($1::bigint[]) and state = 'pending'",
      [opened.map(({ id }) => id)],
    );
    return row?.open ?? 0;
  });
}

const OPEN = `set state = 'pending', attempts = 0, next_attempt_at = now(), error_code = null, error_message = null, updated_at = now()`;

/** Takes the steps of a corpus that no worker has in hand out of the work, because a person cancelled it. Returns how many. */
export async function excludeOpenSteps(db: Queryable, corpusId: string): Promise<number> {
  const excluded = await db.query(
    `update image_steps set state = 'excluded', error_code = 'CANCELLED', updated_at = now(),
       error_message = 'cancelled; a retry of what failed opens it again'
     where corpus_id = $1::uuid and state = 'pending' returning id`,
    [requireUuid("corpus", corpusId)],
  );
  return excluded.length;
}
