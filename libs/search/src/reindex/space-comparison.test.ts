import { expect, test } from "vitest";
import { chanceOfLosses } from "./sign-test.ts";
import { objectionsTo, type SpaceMeasurement } from "./space-comparison.ts";

const figures = { recallAt1: 0.5, recallAt10: 0.9, rerankedAt1: 0.6, rerankedAt10: 0.9 };
const equal: SpaceMeasurement = {
  coverage: { wanted: 100, missing: 0, open: 0, failed: 0 },
  index: { mode: "hnsw", recall: 0.99 },
  queries: 100,
  before: figures,
  after: figures,
  first: { gained: 4, lost: 5 },
  within10: { gained: 2, lost: 2 },
  judge: { modelName: "filter", modelFingerprint: "f", better: 20, worse: 24 },
};
const codesOf = (change: Partial<SpaceMeasurement>) => objectionsTo({ ...equal, ...change }).map(({ code }) => code);

test("lets a space answer that is as good as the one before, or better", () => {
  expect(codesOf({})).toEqual([]);
  expect(codesOf({ first: { gained: 40, lost: 0 } })).toEqual([]);
  expect(codesOf({ first: { gained: 0, lost: 1 } })).toEqual([]);
});

test("objects to losses that chance does not explain, and to many whatever chance says", () => {
  expect(codesOf({ first: { gained: 0, lost: 5 } })).toEqual(["KNOWN_ITEMS"]);
  expect(codesOf({ first: { gained: 0, lost: 4 } })).toEqual([]);
  expect(codesOf({ within10: { gained: 20, lost: 26 } })).toEqual(["KNOWN_ITEMS"]);
  expect(codesOf({ judge: { ...equal.judge, better: 10, worse: 24 } })).toEqual(["JUDGE"]);
});

test("objects to missing pictures, to an index that misses neighbours, and to too few queries", () => {
  expect(codesOf({ coverage: { ...equal.coverage, missing: 1 } })).toEqual(["COVERAGE"]);
  expect(codesOf({ index: { mode: "hnsw", recall: 0.94 } })).toEqual(["INDEX_RECALL"]);
  expect(codesOf({ queries: 19 })).toEqual(["TOO_FEW_QUERIES"]);
  const [objection] = objectionsTo({ ...equal, queries: 0, index: { mode: "exact", recall: 0 } });
  expect(objection?.message).toBe(
    "Only 0 pictures have a text of people or of the web to ask for them, expected at least 20.",
  );
});

test("knows how likely so many losses are when nothing has changed", () => {
  expect(chanceOfLosses({ lost: 0, gained: 0 })).toBe(1);
  expect(chanceOfLosses({ lost: 5, gained: 0 })).toBeCloseTo(1 / 32, 12);
  // Of 10 changes at least 8 losses: (45 + 10 + 1) / 1024.
  expect(chanceOfLosses({ lost: 8, gained: 2 })).toBeCloseTo(56 / 1024, 12);
  expect(chanceOfLosses({ lost: 2_000, gained: 2_000 })).toBeCloseTo(0.506, 2);
});
