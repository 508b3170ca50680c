import type { Queryable } from "./database.ts";
import type { Step } from "./step-order.ts";

/** How much of a step is left to do in all corpora and spaces together. */
export type OpenSteps = { readonly step: Step; readonly pending: number; readonly leased: number };

/** Steps with nothing left are absent. Reads the partial index of open steps alone, which stays small in a library of any size. */
export function countOpenSteps(db: Queryable): Promise<OpenSteps[]> {
  return db.query<OpenSteps>(
    `select step, (count(*) filter (where state = 'pending'))::integer as pending,
       (count(*) filter (where state = 'leased'))::integer as leased
     from image_steps where state in ('pending', 'leased') group by step order by step`,
    [],
  );
}
