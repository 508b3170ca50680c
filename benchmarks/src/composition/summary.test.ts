import { expect, test } from "vitest";
import { COMPOSITION_KINDS, type CompositionQuery } from "./read-queries.ts";
import { compare, summarise, tableOfDifferences, tableOfMeans } from "./summary.ts";

const queries = COMPOSITION_KINDS.map(
  (kind): CompositionQuery => ({
    kind,
    sentence: kind,
    all: [{ text: kind }],
    any: [],
    none: [],
    right: ["a/1", "a/2", "a/3", "a/4"],
  }),
);
const good = { way: "good", rankings: queries.map(() => ["a/1", "a/2", "b/1"]) };
const mixed = {
  way: "mixed",
  rankings: queries.map(({ kind }) => (kind === "NEGATION" ? ["a/1", "a/2", "a/3", "a/4"] : ["b/1"])),
};

test("gives the mean over all queries and over those of each kind", () => {
  const { means } = summarise(queries, mixed, "bounded");
  expect(means.ALL.estimate).toBe(0.25);
  expect(means.NEGATION.estimate).toBe(1);
  expect(means.CONJUNCTION.estimate).toBe(0);
});

test("compares two ways query by query, with the sign of the first", () => {
  const { differences } = compare(queries, [good, mixed], "precisionAt10");
  expect(differences.NEGATION.estimate).toBeCloseTo(-0.2, 6);
  expect(differences.ANY_OR_MIXED.estimate).toBeCloseTo(0.2, 6);
  expect(differences.ALL.low).toBeLessThanOrEqual(differences.ALL.high);
});

test("writes tables of a line for each way and a column for each kind", () => {
  const means = tableOfMeans([summarise(queries, good, "precisionAt10")]);
  expect(means[0]).toBe("|  | all | negation | conjunction | picture and text | any or mixed |");
  expect(means[2]).toContain("| good | 0.200 (0.20 to 0.20) | 0.200 |");
  const differences = tableOfDifferences([compare(queries, [good, mixed], "precisionAt10")]);
  expect(differences[2]).toContain("| good - mixed | +0.100");
});

test("refuses answers to fewer queries than there are", () => {
  expect(() => summarise(queries, { way: "short", rankings: [] }, "bounded")).toThrow("fewer answers");
});
