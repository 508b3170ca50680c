import { expect, test } from "vitest";
import { areaUnderCurve } from "./detection.ts";

test("equals counting every pair, with a tie as half", () => {
  const positives = Array.from({ length: 37 }, (_, index) => (index * 29) % 17);
  const negatives = Array.from({ length: 53 }, (_, index) => ((index * 31) % 19) - 3);
  const won = positives.flatMap((positive) => negatives.map((negative) => (Math.sign(positive - negative) + 1) / 2));
  const expected = won.reduce((sum, value) => sum + value, 0) / won.length;
  expect(areaUnderCurve(positives, negatives)).toBeCloseTo(expected, 12);
});

test("is 1 when all positives are above, 0 when all are below, and a half when all are alike", () => {
  expect(areaUnderCurve([3, 4], [1, 2])).toBe(1);
  expect(areaUnderCurve([1, 2], [3, 4])).toBe(0);
  expect(areaUnderCurve([1, 1], [1, 1, 1])).toBe(0.5);
});

test("handles infinite scores, such as those of queries without any candidate", () => {
  expect(areaUnderCurve([0, Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(1);
});

test("refuses a missing kind and scores that are no numbers", () => {
  expect(() => areaUnderCurve([], [1])).toThrow(/0 positives/);
  expect(() => areaUnderCurve([1], [])).toThrow(/0 negatives/);
  expect(() => areaUnderCurve([1], [1, Number.NaN])).toThrow(/Score 1 of the negatives is NaN/);
});
