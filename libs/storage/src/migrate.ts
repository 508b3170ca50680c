import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";

// An own runner of one page instead of node-pg-migrate: that one keeps no checksums, so an edited file would pass
// unseen, and it guards itself with a session-level advisory lock, which excludes nobody on PGlite (one backend).

export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL("../../../migrations/", import.meta.url));

/** The numbered files of `migrations/`, in order. */
export function readMigrations(directory = MIGRATIONS_DIRECTORY): Migration[] {
  return readdirSync(directory)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(`${directory}/${name}`, "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}

// Any constant will do, as long as every Medley uses the same one.
const MIGRATION_LOCK = 6_305_517;

/** Applies what is missing, all of it or nothing. `db` must be a transaction. Returns the names applied now. */
export async function migrate(db: Queryable, migrations: readonly Migration[]): Promise<string[]> {
  await db.query("select pg_advisory_xact_lock($1::bigint)", [MIGRATION_LOCK]);
  await db.query(
    "create table if not exists schema_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
  );
  const pending = await pendingMigrations(db, migrations);
  for (const migration of pending) {
    await db.query(migration.sql).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StorageError("MIGRATION", `Migration "${migration.name}" failed: ${reason}`, { cause });
    });
    await db.query("insert into schema_migrations (name, checksum) values ($1::text, $2::text)", [
      migration.name,
      migration.checksum,
    ]);
  }
  return pending.map((migration) => migration.name);
}

/** What is not applied yet. Refuses a database whose history is not a prefix of the files. */
export async function pendingMigrations(db: Queryable, migrations: readonly Migration[]): Promise<Migration[]> {
  const applied = await db.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migrations order by name",
  );
  applied.forEach((row, index) => {
    const file = migrations[index];
    if (file?.name !== row.name) {
      throw new StorageError(
        "MIGRATION",
        `The database has migration "${row.name}", this Medley has "${file?.name ?? "no further file"}" in its place. Run the Medley version that wrote the database, or a later one.`,
      );
    }
    if (file.checksum !== row.checksum) {
      throw new StorageError(
        "MIGRATION",
        `Migration "${row.name}" was changed after it was applied (checksum ${file.checksum.slice(0, 12)}, applied ${row.checksum.slice(0, 12)}). Restore the file and put the change into a new migration.`,
      );
    }
  });
  return migrations.slice(applied.length);
}
