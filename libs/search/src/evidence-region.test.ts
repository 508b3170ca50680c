import { expect, test } from "vitest";
import { boxOf, peakOf } from "./evidence-region.ts";

const grid = (...lines: string[]) => ({
  rows: lines.length,
  columns: lines[0]?.length ?? 0,
  values: Float32Array.from(lines.join(""), (digit) => Number(digit) / 9),
});

test("puts the peak into the middle of the greatest patch, as shares of width and height", () => {
  expect(peakOf(grid("0000", "0090"))).toEqual({ x: 0.625, y: 0.75 });
});

test("draws the box around what hangs together with the peak, and leaves the rest out", () => {
  expect(boxOf(grid("60000", "00660", "00906", "00000"))).toEqual({ left: 0.4, top: 0.25, width: 0.4, height: 0.5 });
});

test("does not go around the edge from one line to the next", () => {
  expect(boxOf(grid("009", "900", "000"))).toEqual({ left: 2 / 3, top: 0, width: 1 / 3, height: 1 / 3 });
});

test("has neither where all patches are the same", () => {
  expect([peakOf(grid("00", "00")), boxOf(grid("00", "00"))]).toEqual([null, null]);
});
