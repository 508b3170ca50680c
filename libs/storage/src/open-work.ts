import type { Queryable } from "./database.ts";
import { REINDEX_OPERATION, UPKEEP_OPERATIONS } from "./operations.ts";
import { STEPS } from "./step-order.ts";

/**
 * Corpora that somebody should look at, but for those named: with open steps or answers, complete uploads, an answer that is to be renewed, an open
 * reindex or an open upkeep. Paused ones have no work. One statement for all of them; it probes indexes of what is open and does not count.
 */
export async function corporaWithOpenWork(
  db: Queryable,
  { except }: { readonly except: readonly string[] },
): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ id: string }>(
    `select c.id from corpora c
     where c.paused_at is null and c.id <> all ($1::uuid[]) and (
       exists (
         select from image_steps s
         where s.step = 'prepare' and s.space_id is null and s.corpus_id = c.id and s.state in ('pending', 'leased'))
       or exists (
         select from corpus_spaces u cross join unnest($2::text[]) as wanted (step)
         where u.corpus_id = c.id and u.retired_at is null and exists (
           select from image_steps s
           where s.step = wanted.step and s.space_id = u.space_id and s.corpus_id = c.id and s.state in ('pending', 'leased')))
       or exists (select from uploads p where p.corpus_id = c.id and p.state = 'STORED')
       or exists (select from operations o where o.corpus_id = c.id and o.finished_at is null and o.kind = any ($3::text[]))
       or exists (
         select from questions q where q.corpus_id = c.id and q.retired_at is null and (q.renew_requested_at is not null or exists (
           select from image_answers a where a.question_id = q.id and a.state in ('pending', 'leased')))))`,
    [except, STEPS.filter((step) => step !== "prepare"), [REINDEX_OPERATION, ...UPKEEP_OPERATIONS]],
  );
  return new Set(rows.map(({ id }) => id));
}
