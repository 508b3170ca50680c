import { expect, test } from "vitest";
import { quantile, uncovered } from "./own-time.ts";

test("counts what no interval covers once, however they overlap", () => {
  expect(uncovered([0, 10], [])).toBe(10);
  expect(
    uncovered(
      [0, 10],
      [
        [2, 5],
        [4, 6],
        [-3, 1],
        [9, 20],
        [30, 40],
      ],
    ),
  ).toBe(4);
  expect(
    uncovered(
      [0, 10],
      [
        [-1, 11],
        [3, 4],
      ],
    ),
  ).toBe(0);
});

test("takes the value that the share does not exceed", () => {
  expect(quantile([3, 1, 2, 4], 0.5)).toBe(3);
  expect(quantile([1, 2, 3], 0.99)).toBe(3);
});
