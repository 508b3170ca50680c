import { expect, test } from "vitest";
import { ranksOf, retrievalMetrics } from "./retrieval.ts";

test("counts a wrong candidate with the same score as ranked before the right one", () => {
  expect(ranksOf([[0.5, 0.9, 0.5, 0.5]], [[0]])).toEqual([4]);
  expect(ranksOf([Float32Array.of(1, 1, 1)], [[1]])).toEqual([3]);
});

test("takes the best-ranked of several right candidates, and none of them for wrong", () => {
  const captionScores = [0.9, 0.1, 0.7, 0.7, 0.2];
  expect(ranksOf([captionScores], [[1, 2, 3]])).toEqual([2]);
  expect(ranksOf([captionScores], [[0, 2]])).toEqual([1]);
});

test("ranks candidates that were not scored last, together", () => {
  const unscored = Number.NEGATIVE_INFINITY;
  expect(ranksOf([[unscored, 3, unscored, 2]], [[0]])).toEqual([4]);
  expect(ranksOf([[unscored, 3, unscored, 2]], [[3]])).toEqual([2]);
});

test("agrees with sorting on random scores without ties, both ways", () => {
  const scores = Array.from({ length: 20 }, (_, text) =>
    Array.from({ length: 30 }, (_, picture) => ((text * 37 + picture * 101) % 613) / 613),
  );
  const rightOf = scores.map((_, text) => [(text * 7) % 30, (text * 11 + 3) % 30]);
  const expected = scores.map((row, text) => {
    const order = row.map((_, picture) => picture).sort((left, right) => (row[right] ?? 0) - (row[left] ?? 0));
    return 1 + order.findIndex((picture) => rightOf[text]?.includes(picture));
  });
  expect(ranksOf(scores, rightOf)).toEqual(expected);
});

test("summarises ranks as shares of queries, median and mean reciprocal", () => {
  expect(retrievalMetrics([1, 2, 6, 10, 11, 100])).toEqual({
    recallAt: { 1: 1 / 6, 5: 2 / 6, 10: 4 / 6 },
    medianRank: 8,
    meanReciprocalRank: (1 + 1 / 2 + 1 / 6 + 1 / 10 + 1 / 11 + 1 / 100) / 6,
  });
  expect(retrievalMetrics([3])).toMatchObject({ medianRank: 3, recallAt: { 1: 0, 5: 1, 10: 1 } });
  expect(retrievalMetrics([9, 1, 2]).medianRank).toBe(2);
});

test("refuses what would give a made-up rank", () => {
  expect(() => ranksOf([[1, 2]], [[]])).toThrow(/Query 0 has 0 right candidates/);
  expect(() => ranksOf([[1, 2]], [[2]])).toThrow(/candidate 2 for query 0 is undefined/);
  expect(() => ranksOf([[1, Number.NaN]], [[0]])).toThrow(/candidate 1 for query 0 is NaN/);
  expect(() => ranksOf([[1]], [[0], [0]])).toThrow(/1 rows of scores/);
  expect(() => retrievalMetrics([])).toThrow(/0 queries/);
  expect(() => retrievalMetrics([1, 0])).toThrow(/query 1 is 0/);
});
