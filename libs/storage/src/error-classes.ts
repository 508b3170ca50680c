import type { Queryable } from "./database.ts";
import { requireUuid } from "./uuid.ts";

/** How often something went wrong for one reason. */
export type ErrorClass = {
  /** Name of the step, or "register" for files and uploads that never became an image. */
  readonly step: string;
  readonly code: string;
  readonly count: number;
};

/** What went wrong in a corpus for good, by step and code, the most frequent first. */
export function errorClasses(db: Queryable, corpusId: string): Promise<ErrorClass[]> {
  return db.query<ErrorClass>(
    `with refused as (
       select error_code from rejected_files where corpus_id = $1::uuid
       union all select error_code from uploads where corpus_id = $1::uuid and state = 'REJECTED'
     ), classes as (
       select step, error_code as code, count(*)::integer as count from image_steps
       where corpus_id = $1::uuid and (state = 'failed' or (state = 'excluded' and error_code = 'CANCELLED')) group by 1, 2
       union all select 'register', error_code, count(*)::integer from refused group by 2
     )
     select step, code, count from classes order by count desc, step, code`,
    [requireUuid("corpus", corpusId)],
  );
}
