import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMPOSITION_KINDS, parseCompositionQueries, picturesOf, readCompositionQueries } from "./read-queries.ts";

const queries = readCompositionQueries();
const manifest = readFileSync(new URL("../../../assets/demo/manifest.jsonl", import.meta.url), "utf8");
const demo = new Set(
  manifest
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { path: string }).path.replace(/^images\/(.*)\.webp$/, "$1")),
);

const LINE = {
  kind: "NEGATION",
  sentence: "a cat that is not black",
  all: [{ text: "a cat" }],
  none: [{ text: "black" }],
  rightCount: 3,
  right: ["a/1", "a/2", "a/3"],
};
const parse = (changes: object) => parseCompositionQueries(JSON.stringify({ ...LINE, ...changes }));

test("holds 64 different searches, 16 of each kind", () => {
  expect(new Set(queries.map(({ sentence }) => sentence)).size).toBe(64);
  const counts = COMPOSITION_KINDS.map((kind) => queries.filter((query) => query.kind === kind).length);
  expect(counts).toEqual([16, 16, 16, 16]);
});

test("names pictures of the demo corpus only", () => {
  const named = queries.flatMap(({ all, any, none, right }) => [...right, ...picturesOf([...all, ...any, ...none])]);
  expect(named.filter((picture) => !demo.has(picture))).toEqual([]);
});

test("excludes something in each negation, and has a picture and something more in each search by picture and text", () => {
  const of = (kind: string) => queries.filter((query) => query.kind === kind);
  expect(of("NEGATION").filter(({ none }) => none.length === 0)).toEqual([]);
  expect(of("CONJUNCTION").filter(({ all }) => all.length < 2)).toEqual([]);
  expect(of("ANY_OR_MIXED").filter(({ any }) => any.length < 2)).toEqual([]);
  const lacking = of("PICTURE_AND_TEXT").filter(
    ({ all, none }) => picturesOf(all).length !== 1 || all.length + none.length < 2,
  );
  expect(lacking).toEqual([]);
});

test("refuses a line whose numbers do not hold, and says which line and why", () => {
  expect(parse({})).toHaveLength(1);
  expect(() => parse({ rightCount: 4 })).toThrow("line 1: rightCount is 4, but right names 3 pictures.");
  expect(() => parse({ rightCount: 2, right: ["a/1", "a/2"] })).toThrow("2 pictures are right, expected 3 or more.");
  expect(() => parse({ right: ["a/1", "a/1", "a/2"] })).toThrow("right names a picture twice");
  expect(() => parse({ all: [{ picture: "a/2" }] })).toThrow("right names a picture that a clause names");
  expect(() => parse({ kind: "DISJUNCTION" })).toThrow('kind is "DISJUNCTION", expected NEGATION');
  expect(() => parse({ all: [], none: [{ text: "black" }] })).toThrow("expected something to look for");
  expect(() => parse({ all: [{ words: "a cat" }] })).toThrow('neither {"text"} nor {"picture"}');
});
