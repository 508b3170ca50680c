import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ACCEPTED_FILE, SCHEMA_FILE, schemaChanges } from "./schema-changes.ts";

const schema = readFileSync(SCHEMA_FILE, "utf8");

test("breaks no document of a client without somebody's acceptance", () => {
  const { breaking } = schemaChanges(readFileSync(ACCEPTED_FILE, "utf8"), schema);
  expect(breaking, "To accept: npm run accept-schema -w @medley/gateway, and a line in CHANGELOG.md").toEqual([]);
});

test("names what would break, and tells it from what is only new", () => {
  const older =
    "type Query { search(first: Int! = 20): Hit } type Hit { itmLogit: Float rank: Float source: Source } enum Source { WEB }";
  const change = (from: string, to: string) => schemaChanges(older, older.replace(from, to));
  expect(change("itmLogit: Float", "").breaking).toEqual(["Hit.itmLogit was removed."]);
  expect(change("itmLogit: Float", "itmLogit: String").breaking.join()).toContain("Hit.itmLogit changed type");
  expect(change("first: Int!", "text: String!, first: Int!").breaking.join()).toContain("text");
  expect(change("itmLogit: Float", "itmLogit: Float place: Int")).toEqual({ breaking: [], dangerous: [] });
  expect(change("WEB", "WEB OCR")).toEqual({ breaking: [], dangerous: [expect.stringContaining("OCR was added")] });
});
