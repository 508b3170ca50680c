import type { EvidenceMap } from "@medley/inference-api";
import { expect, test } from "vitest";
import { judge, overlapOf } from "./judge.ts";

const map = (...lines: string[]): EvidenceMap => ({
  rows: lines.length,
  columns: lines[0]?.length ?? 0,
  values: Float32Array.from(lines.join(""), (digit) => Number(digit) / 9),
  method: "patchCosine",
});
const left = { left: 0, top: 0.25, width: 0.5, height: 0.5 };
const corner = { left: 0.5, top: 0.5, width: 0.5, height: 0.5 };

test("counts a peak in the thing's half when there are two, and in its quarter when there are four", () => {
  expect(judge(map("9000", "0000", "0000", "0000"), left, "two").pointed).toBe(true);
  expect(judge(map("0090", "0000", "0000", "0000"), left, "two").pointed).toBe(false);
  expect(judge(map("0000", "0000", "0090", "0000"), corner, "four").pointed).toBe(true);
  expect(judge(map("0009", "0000", "0000", "0000"), corner, "four").pointed).toBe(false);
  expect(judge(map("0000", "0000", "0000", "0000"), corner, "four")).toEqual({ pointed: false, overlap: 0 });
});

test("measures how far the box is the thing's cell", () => {
  expect(judge(map("0000", "0000", "0099", "0099"), corner, "four").overlap).toBe(1);
  expect(overlapOf(corner, { ...corner, left: 0.25 })).toBeCloseTo(1 / 3);
  expect(overlapOf(left, corner)).toBe(0);
});
