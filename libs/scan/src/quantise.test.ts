import { expect, test } from "vitest";
import { FULL_RANGE, quantiseRows, SAFE_RANGE } from "./quantise.ts";

test("a row's codes times its scale are the row again, to half a step, in the columns that were asked for", () => {
  const vectors = Float32Array.of(0.5, -0.25, 0.125, 0, 0, 0);
  const codes = new Int8Array(3 * 4);
  const scales = new Float32Array(4);
  quantiseRows(vectors, 3, FULL_RANGE, { codes, scales, from: 1 });
  expect([...codes]).toEqual([0, 127, 0, 0, 0, -63, 0, 0, 0, 32, 0, 0]);
  expect((codes[9] as number) * (scales[1] as number)).toBeCloseTo(0.125, 2);
  expect(scales[2]).toBe(0);
});

test("two products of the largest safe codes fit into 16 bits, and of the largest of all do not", () => {
  expect(2 * 255 * SAFE_RANGE).toBeLessThanOrEqual(32_767);
  expect(2 * 255 * FULL_RANGE).toBeGreaterThan(32_767);
});
