import { expect, test } from "vitest";
import { readingsOf } from "./memory.ts";

test("a reading is the median of its samples, so that one garbage collection does not decide it", () => {
  const samples = [
    { pictures: 0, megabytes: 100 },
    { pictures: 999, megabytes: 150 },
    { pictures: 1000, megabytes: 200 },
    { pictures: 1100, megabytes: 900 },
    { pictures: 1249, megabytes: 210 },
    { pictures: 1250, megabytes: 220 },
  ];
  expect(readingsOf(samples)).toEqual([
    { pictures: 0, megabytes: 100 },
    { pictures: 750, megabytes: 150 },
    { pictures: 1000, megabytes: 210 },
    { pictures: 1250, megabytes: 220 },
  ]);
});
