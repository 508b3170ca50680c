import { expect, test } from "vitest";
import { differenceOf, precisionOf } from "./precision.ts";

const names = (count: number) => Array.from({ length: count }, (_, index) => `a/${index}`);

test("counts right pictures among the first ten, against ten and against as many as there are", () => {
  const ranked = ["b/1", "a/0", "b/2", "a/1", ...names(20).slice(5)];
  expect(precisionOf(ranked, ["a/0", "a/1", "a/2"])).toEqual({ hits: 2, precisionAt10: 0.2, bounded: 2 / 3 });
  expect(precisionOf(names(20), names(15))).toEqual({ hits: 10, precisionAt10: 1, bounded: 1 });
});

test("counts nothing behind the tenth place", () => {
  expect(precisionOf(names(20), ["a/10", "a/11", "a/12"]).hits).toBe(0);
});

test("gives the difference of two ways on the same queries with an interval around it", () => {
  const { estimate, low, high } = differenceOf([0.4, 0.6, 0.5, 0.7], [0.2, 0.3, 0.4, 0.4]);
  expect(estimate).toBeCloseTo(0.225, 6);
  expect(low).toBeGreaterThanOrEqual(0.1);
  expect(high).toBeLessThanOrEqual(0.3);
});
