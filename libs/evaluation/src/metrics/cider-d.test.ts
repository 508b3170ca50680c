import { expect, test } from "vitest";
import { EvaluationError } from "../evaluation-error.ts";
import { ciderD } from "./cider-d.ts";
import { largestDifference, scoredSets } from "./testing/fixtures.ts";

test.each(scoredSets)("equals pycocoevalcap to 1e-6 on %s, on average and for each item", (_, expected) => {
  const { mean, perItem } = ciderD(expected.pairs);
  expect(Math.abs(mean - expected.ciderD.mean)).toBeLessThan(1e-6);
  expect(largestDifference(perItem, expected.ciderD.perItem)).toBeLessThan(1e-6);
});

test("gives a perfect caption among others 10", () => {
  const texts = ["a man riding a wave", "two dogs on wet grass", "some red apples in bowls"];
  const { perItem } = ciderD(texts.map((text) => ({ candidate: text, references: [text] })));
  for (const score of perItem) expect(score).toBeCloseTo(10, 12);
});

test("refuses an empty set", () => {
  expect(() => ciderD([])).toThrow(EvaluationError);
});
