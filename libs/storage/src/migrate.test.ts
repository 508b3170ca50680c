import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeSchema } from "./describe-schema.ts";
import { MIGRATIONS_DIRECTORY, migrate, readMigrations } from "./migrate.ts";
import { ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const [first] = readMigrations();
if (!first) throw new Error("Bug: there is no migration.");

test("the committed schema.sql is what the migrations make, whatever spaces exist", async () => {
  await ensureSpace(database.db, { fingerprint: "f", name: "model", dimensions: 4, preprocessing: {} });
  const committed = readFileSync(join(MIGRATIONS_DIRECTORY, "schema.sql"), "utf8");
  expect(await describeSchema(database.db)).toBe(committed);
});

test("applies nothing twice", async () => {
  expect(await database.db.transaction((db) => migrate(db, readMigrations()))).toEqual([]);
});

test("refuses a migration that was changed after it was applied", async () => {
  const changed = { ...first, checksum: "0".repeat(64) };
  await expect(database.db.transaction((db) => migrate(db, [changed]))).rejects.toMatchObject({
    code: "MIGRATION",
    message: expect.stringContaining(`"${first.name}" was changed after it was applied`) as string,
  });
});

test("refuses a database that a later version wrote", async () => {
  await expect(database.db.transaction((db) => migrate(db, []))).rejects.toMatchObject({
    code: "MIGRATION",
    message: expect.stringContaining("or a later one") as string,
  });
});

test("keeps nothing of a migration that fails half-way", async () => {
  const broken = { name: "0099_break.sql", sql: "create table half_made (id integer); select 1 / 0", checksum: "x" };
  await expect(database.db.transaction((db) => migrate(db, [...readMigrations(), broken]))).rejects.toMatchObject({
    code: "MIGRATION",
    message: expect.stringContaining("0099_break.sql") as string,
  });
  expect(await database.db.query("select to_regclass('half_made') as found", [])).toEqual([{ found: null }]);
});
