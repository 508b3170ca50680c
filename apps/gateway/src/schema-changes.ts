import { copyFileSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildSchema, findBreakingChanges, findDangerousChanges } from "graphql";

export const SCHEMA_FILE = resolve(import.meta.dirname, "../schema.graphql");
/** The schema that clients were last promised. */
export const ACCEPTED_FILE = resolve(import.meta.dirname, "../schema.accepted.graphql");

/** What a client of the older schema would notice: what stops its documents, and what may surprise its code (new enum values, defaults). */
export function schemaChanges(older: string, newer: string): { breaking: string[]; dangerous: string[] } {
  const [from, to] = [buildSchema(older), buildSchema(newer)];
  return {
    breaking: findBreakingChanges(from, to).map(({ description }) => description),
    dangerous: findDangerousChanges(from, to).map(({ description }) => description),
  };
}

// Accepts the schema as it is: prints what that breaks, for the changelog.
if (import.meta.main) {
  const { breaking, dangerous } = schemaChanges(readFileSync(ACCEPTED_FILE, "utf8"), readFileSync(SCHEMA_FILE, "utf8"));
  for (const change of breaking) console.log(`breaking: ${change}`);
  for (const change of dangerous) console.log(`dangerous: ${change}`);
  copyFileSync(SCHEMA_FILE, ACCEPTED_FILE);
  console.log("Accepted. Write each breaking change into CHANGELOG.md.");
}
