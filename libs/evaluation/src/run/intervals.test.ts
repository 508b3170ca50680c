import { expect, test } from "vitest";
import { bootstrapInterval } from "../metrics/bootstrap.ts";
import { meanFigure, medianFigure, ratioFigure, twoSampleFigure } from "./intervals.ts";

const RANKS = [1, 1, 2, 3, 3, 3, 7, 9, 20, 41];
const EACH = RANKS.map((_, index) => index);

test("the interval of a mean of independent values is the plain bootstrap's", () => {
  const { estimate, low, high } = bootstrapInterval(RANKS, { seed: 4 });
  expect(meanFigure(RANKS, 4)).toEqual({ value: estimate, low, high });
  expect(meanFigure(RANKS, 4, EACH)).toEqual({ value: estimate, low, high });
});

test("values that come in clusters have a wider interval than the same ones alone", () => {
  const hits = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0];
  const width = ({ low, high }: { low: number; high: number }) => high - low;
  const clustered = meanFigure(
    hits,
    1,
    hits.map((_, index) => Math.floor(index / 4)),
  );
  expect(clustered.value).toBe(0.5);
  expect(width(clustered)).toBeGreaterThan(1.5 * width(meanFigure(hits, 1)));
});

test("a median lies half-way between the two middle values, and its interval among the values", () => {
  expect(medianFigure(RANKS, 1, EACH).value).toBe(3);
  expect(medianFigure([1, 2, 5, 9], 1, [0, 1, 2, 3]).value).toBe(3.5);
  const { low, high } = medianFigure(RANKS, 1, EACH);
  expect(low).toBeGreaterThanOrEqual(1);
  expect(high).toBeLessThanOrEqual(20);
});

test("a ratio is that of the sums, and 0 where nothing is counted", () => {
  expect(ratioFigure([1, 0, 2], [2, 2, 2], 1).value).toBe(0.5);
  expect(ratioFigure([0, 0], [0, 0], 1)).toEqual({ value: 0, low: 0, high: 0 });
});

test("two kinds of items are each drawn as often as there are", () => {
  const sizes = new Set<string>();
  twoSampleFigure([1, 2, 3], [4, 5], (first, second) => sizes.add(`${first.length} ${second.length}`).size, 1);
  expect([...sizes]).toEqual(["3 2"]);
});
