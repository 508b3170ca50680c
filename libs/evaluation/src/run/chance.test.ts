import { expect, test } from "vitest";
import { chanceOfRanks } from "./chance.ts";

test("one right answer among four is first once in four times", () => {
  const chance = chanceOfRanks(4, [1]);
  expect([0, 1, 2, 4, 9].map(chance.recallAt)).toEqual([0, 0.25, 0.5, 1, 1]);
  expect(chance.medianRank).toBe(2);
  expect(chance.meanReciprocalRank).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4, 12);
});

test("two right answers among four are missed by two draws once in six times", () => {
  const chance = chanceOfRanks(4, [2]);
  expect(chance.recallAt(1)).toBeCloseTo(1 / 2, 12);
  expect(chance.recallAt(2)).toBeCloseTo(5 / 6, 12);
  expect(chance.recallAt(3)).toBeCloseTo(1, 12);
});

test("queries with different numbers of right answers are averaged", () => {
  expect(chanceOfRanks(4, [1, 2]).recallAt(1)).toBeCloseTo((1 / 4 + 1 / 2) / 2, 12);
});
