import type { Queryable } from "./database.ts";
import { withoutZeros } from "./images.ts";
import { requireUuid } from "./uuid.ts";

/** A file that was offered and never became an image, and why. */
export type RejectedFile = {
  readonly origin: string;
  readonly code: string;
  readonly message: string;
  readonly rejectedAt: Date;
};

/** Records the newest reason for (corpus, origin). */
export async function recordRejectedFile(
  db: Queryable,
  file: { corpusId: string; origin: string; code: string; message: string },
): Promise<void> {
  await db.query(
    `insert into rejected_files (corpus_id, origin, error_code, error_message)
     values ($1::uuid, $2::text, $3::text, $4::text)
     on conflict (corpus_id, origin) do update
     set error_code = excluded.error_code, error_message = excluded.error_message, rejected_at = now()`,
    [requireUuid("corpus", file.corpusId), withoutZeros(file.origin), file.code, withoutZeros(file.message)],
  );
}

export function listRejectedFiles(
  db: Queryable,
  corpusId: string,
  page: { after?: string | null | undefined; limit?: number | undefined } = {},
): Promise<RejectedFile[]> {
  return db.query<RejectedFile>(
    `select origin, error_code as code, error_message as message, rejected_at as "rejectedAt" from rejected_files
     where corpus_id = $1::uuid and ($2::text is null or origin > $2::text)
     order by origin limit $3::integer`,
    [requireUuid("corpus", corpusId), page.after ?? null, page.limit ?? 1_000],
  );
}

export async function countRejectedFiles(db: Queryable, corpusId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "select count(*)::integer as count from rejected_files where corpus_id = $1::uuid",
    [requireUuid("corpus", corpusId)],
  );
  return row?.count ?? 0;
}

/** Files and uploads that were refused for the same reason, in numbers. */
export type RefusalClass = {
  readonly code: string;
  readonly count: number;
  /** What was said of the last of them. */
  readonly message: string;
};

/** Why files and uploads of a corpus never became images, most frequent first. */
export function refusalClasses(db: Queryable, corpusId: string): Promise<RefusalClass[]> {
  return db.query<RefusalClass>(
    `with refused as (
       select error_code as code, error_message as message, rejected_at as at from rejected_files where corpus_id = $1::uuid
       union all
       select error_code, error_message, updated_at from uploads where corpus_id = $1::uuid and state = 'REJECTED'
     )
     select code, count(*)::integer as count, (array_agg(message order by at desc))[1] as message
     from refused group by 1 order by count(*) desc, 1`,
    [requireUuid("corpus", corpusId)],
  );
}
