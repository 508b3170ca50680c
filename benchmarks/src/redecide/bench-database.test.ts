import { expect, test } from "vitest";
import { withDatabase } from "./bench-database.ts";

test.each([
  ["postgresql://me:secret@host:5432/postgres?sslmode=disable", "postgresql://me:secret@host:5432/b?sslmode=disable"],
  ["postgresql://postgres:@/postgres?host=/var/run", "postgresql://postgres:@/b?host=/var/run"],
  ["postgres://host", "postgres://host/b"],
  ["postgres://host?user=me", "postgres://host/b?user=me"],
])("never keeps the database that %s names", (address, expected) => {
  expect(withDatabase(address, "b")).toBe(expected);
});

test("refuses what is no address", () => {
  expect(() => withDatabase("host=localhost", "b")).toThrow("BENCH_DATABASE_URL is not an address");
});
