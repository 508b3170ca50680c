import { expect, test } from "vitest";
import { topIndices } from "./scores.ts";

test("finds the largest scores, best first and the lower index of equals first, few of them or all", () => {
  const scores = Float32Array.from({ length: 2_000 }, (_, index) => Math.round(50 * Math.sin(index * 7.3)));
  const all = Array.from(scores.keys()).toSorted((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  for (const count of [1, 50, 511, 512, 1_999, 2_000]) expect(topIndices(scores, count)).toEqual(all.slice(0, count));
  const barred = Float32Array.of(Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY, 2);
  expect(topIndices(barred, 4)).toEqual([3, 1, 0, 2]);
});

test("puts scores that are barred last where all are sorted", () => {
  const scores = new Float32Array(600).fill(Number.NEGATIVE_INFINITY);
  scores[599] = 1;
  scores[3] = 2;
  expect(topIndices(scores, 600).slice(0, 4)).toEqual([3, 599, 0, 1]);
});
