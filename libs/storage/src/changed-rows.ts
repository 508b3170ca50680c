import type { Queryable } from "./database.ts";
import { isUuid } from "./uuid.ts";

/** A row with a mark that changes whenever the row does. */
export type Versioned<Row> = { readonly row: Row; readonly version: string };
/** What somebody has seen of a row; an empty version: nothing yet. */
export type Seen = { readonly id: string; readonly version: string };

/**
 * The rows of a table with `id` and `updated_at` that have changed since they were seen, in no order; ids that are none are left out.
 * @param table    with its columns as they are selected: SQL of ours, never of a caller's
 */
export async function changedRows<Row>(
  db: Queryable,
  table: { readonly name: string; readonly columns: string },
  seen: readonly Seen[],
): Promise<Versioned<Row>[]> {
  const known = seen.filter(({ id }) => isUuid(id));
  const rows = await db.query<Row & { version: string }>(
    `select ${table.columns}, updated_at::text as version
     from ${table.name} join unnest($1::uuid[], $2::text[]) as seen (known_id, known_version) on seen.known_id = ${table.name}.id
     where updated_at::text <> seen.known_version`,
    [known.map(({ id }) => id), known.map(({ version }) => version)],
  );
  return rows.map(({ version, ...row }) => ({ row: row as Row, version }));
}
