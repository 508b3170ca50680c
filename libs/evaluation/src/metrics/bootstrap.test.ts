import { expect, test } from "vitest";
import { bleuCounts, bleuOfCounts } from "./bleu.ts";
import {
  bootstrapDifference,
  bootstrapInterval,
  bootstrapStatistic,
  bootstrapStatisticDifference,
} from "./bootstrap.ts";
import { mean } from "./mean.ts";
import { scoredSets } from "./testing/fixtures.ts";

// 400 values between 0 and 1 in no order; standard deviation close to that of the uniform distribution, 0.289.
const values = Array.from({ length: 400 }, (_, index) => ((index * 7919) % 1009) / 1009);
const standardError = Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / values.length);

test("comes within a tenth of the normal interval for the mean of 400 values", () => {
  const { estimate, low, high, level, resamples } = bootstrapInterval(values, { resamples: 4_000 });
  expect({ level, resamples }).toEqual({ level: 0.95, resamples: 4_000 });
  expect(estimate).toBeCloseTo(mean(values), 12);
  expect((estimate - low) / standardError).toBeCloseTo(1.96, 0);
  expect((high - low) / (2 * 1.96 * standardError)).toBeGreaterThan(0.9);
  expect((high - low) / (2 * 1.96 * standardError)).toBeLessThan(1.1);
});

test("holds the true mean about as often as its level says, over 200 samples", () => {
  const covered = Array.from({ length: 200 }, (_, sample) => {
    const drawn = Array.from(
      { length: 60 },
      (_, index) => (Math.sin((sample * 60 + index) * 12.9898) * 43758.5453) % 1,
    );
    const { low, high } = bootstrapInterval(drawn.map(Math.abs), { resamples: 300, seed: sample, level: 0.9 });
    return low <= 0.5 && 0.5 <= high;
  }).filter(Boolean).length;
  expect(covered / 200).toBeGreaterThan(0.83);
  expect(covered / 200).toBeLessThan(0.96);
});

test("gives the same interval for the same seed and another for another", () => {
  expect(bootstrapInterval(values, { seed: 7 })).toEqual(bootstrapInterval(values, { seed: 7 }));
  expect(bootstrapInterval(values, { seed: 7 }).low).not.toBe(bootstrapInterval(values, { seed: 8 }).low);
});

test("is wider for a higher level", () => {
  const widthAt = (level: number) => {
    const { low, high } = bootstrapInterval(values, { level });
    return high - low;
  };
  expect(widthAt(0.99)).toBeGreaterThan(widthAt(0.9));
});

test("draws every item about as often as every other", () => {
  const drawnTimes = new Array<number>(10).fill(0);
  bootstrapStatistic(
    10,
    (indices) => {
      for (const index of indices) drawnTimes[index] = (drawnTimes[index] ?? 0) + 1;
      return 0;
    },
    { resamples: 10_000 },
  );
  for (const times of drawnTimes) expect(Math.abs(times - 10_000)).toBeLessThan(400);
});

test("gives no width to a single item and to equal values", () => {
  expect(bootstrapInterval([0.25])).toMatchObject({ estimate: 0.25, low: 0.25, high: 0.25 });
  expect(bootstrapInterval([0.5, 0.5, 0.5])).toMatchObject({ estimate: 0.5, low: 0.5, high: 0.5 });
});

test("recomputes a statistic that is no mean over items, such as corpus BLEU", () => {
  const counts = (scoredSets[0]?.[1].pairs ?? []).map(bleuCounts);
  const bleu4 = (indices: Uint32Array) =>
    bleuOfCounts([...indices].flatMap((index) => counts.slice(index, index + 1)))[3];
  const { estimate, low, high } = bootstrapStatistic(counts.length, bleu4, { resamples: 200 });
  expect(estimate).toBe(bleuOfCounts(counts)[3]);
  expect(low).toBeLessThan(estimate);
  expect(high).toBeGreaterThan(estimate);
});

test("finds a small steady difference of two systems that their separate intervals would hide", () => {
  const better = values.map((value, index) => value + 0.02 + 0.01 * (index % 2));
  const { estimate, low, high, shareNotBetter } = bootstrapDifference(better, values);
  expect(estimate).toBeCloseTo(0.025, 12);
  expect(low).toBeGreaterThan(0.02);
  expect(high).toBeLessThan(0.03);
  expect(shareNotBetter).toBe(0);
  expect(bootstrapInterval(values).high).toBeGreaterThan(bootstrapInterval(better).low);
});

test("calls equal systems neither better nor worse", () => {
  expect(bootstrapDifference(values, values)).toMatchObject({ estimate: 0, low: 0, high: 0, shareNotBetter: 0.5 });
});

test("compares statistics over the same items as it compares means", () => {
  const worse = values.map((value, index) => value * (index % 3 === 0 ? 0.5 : 1));
  const meanOf = (list: readonly number[]) => (indices: Uint32Array) =>
    mean(Array.from(indices, (index) => list[index] ?? 0));
  const ofStatistics = bootstrapStatisticDifference(400, meanOf(values), meanOf(worse));
  const ofMeans = bootstrapDifference(values, worse);
  expect(ofStatistics.low).toBeCloseTo(ofMeans.low, 12);
  expect(ofStatistics.high).toBeCloseTo(ofMeans.high, 12);
});

test("refuses what no interval can be made of", () => {
  expect(() => bootstrapInterval([])).toThrow(/0 items/);
  expect(() => bootstrapInterval([1, Number.NaN])).toThrow(/Value 1 is NaN/);
  expect(() => bootstrapInterval([1], { resamples: 1 })).toThrow(/resamples is 1/);
  expect(() => bootstrapInterval([1], { seed: 0.5 })).toThrow(/seed is 0.5/);
  expect(() => bootstrapInterval([1], { level: 95 })).toThrow(/level is 95/);
  expect(() => bootstrapDifference([1, 2], [1])).toThrow(/2 values and the second 1/);
});
