// Writes migrations/schema.sql from the catalogs of a freshly migrated database: npm run dump-schema
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "./database.ts";
import { MIGRATIONS_DIRECTORY } from "./migrate.ts";
import { describeSchema } from "./describe-schema.ts";

const home = mkdtempSync(join(tmpdir(), "medley-schema-"));
try {
  await using database = await openDatabase({ home, idleExitMs: 500 });
  writeFileSync(join(MIGRATIONS_DIRECTORY, "schema.sql"), await describeSchema(database));
} finally {
  rmSync(home, { recursive: true, force: true });
}
