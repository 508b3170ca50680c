import { expect, test } from "vitest";
import { EvaluationError } from "../evaluation-error.ts";
import { rougeL } from "./rouge-l.ts";
import { largestDifference, scoredSets } from "./testing/fixtures.ts";

test.each(scoredSets)("equals pycocoevalcap to 1e-6 on %s, on average and for each item", (_, expected) => {
  const { mean, perItem } = rougeL(expected.pairs);
  expect(Math.abs(mean - expected.rougeL.mean)).toBeLessThan(1e-6);
  expect(largestDifference(perItem, expected.rougeL.perItem)).toBeLessThan(1e-6);
});

test("refuses an empty set", () => {
  expect(() => rougeL([])).toThrow(EvaluationError);
});
