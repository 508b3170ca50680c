import { expect, test } from "vitest";
import { calmly } from "./calm-updates.ts";

function shownOf(times: readonly number[], still: boolean): number[] {
  let now = 0;
  const shown: number[] = [];
  const show = calmly((value: number) => void shown.push(value), { still, clock: () => now });
  for (const time of times) {
    now = time;
    show(time);
  }
  return shown;
}

test("shows the first order at once and others a second apart at least", () => {
  expect(shownOf([5, 300, 900, 1004, 1005, 1500, 2100], false)).toEqual([5, 1005, 2100]);
});

test("keeps the first order for readers who want no motion", () => {
  expect(shownOf([5, 2000, 4000], true)).toEqual([5]);
});
