import { expect, test } from "vitest";
import { interleave, lowerIsBetter, median } from "./measure.ts";

test("takes the middle of an odd and the mean of the middle two of an even number of runs", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("warms both sides up, then runs them alternately", async () => {
  const order: string[] = [];
  const side = (name: string, seconds: number) => async () => {
    order.push(name);
    return seconds;
  };
  expect(await interleave(2, side("ours", 1), side("baseline", 3))).toEqual({ ours: 1, baseline: 3 });
  expect(order).toEqual(["ours", "baseline", "ours", "baseline", "ours", "baseline"]);
});

test("states a ratio above 1 when ours takes less", () => {
  expect(lowerIsBetter("encode", "picture", "s", 5, { ours: 2, baseline: 3 })).toMatchObject({
    ratio: 1.5,
    better: "lower",
  });
});
