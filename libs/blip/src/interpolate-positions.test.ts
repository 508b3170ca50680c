import { expect, test } from "vitest";
import { interpolatePositions } from "./interpolate-positions.ts";

test("keeps positions as they are when the grid is the same", () => {
  const stored = Float32Array.from({ length: (1 + 9) * 2 }, (_, index) => Math.sin(index));
  const same = interpolatePositions(stored, 2, 3, 3);
  for (const [index, one] of same.entries()) expect(one).toBeCloseTo(stored[index] as number, 6);
});

test("keeps a constant embedding constant and the class token untouched at any size", () => {
  const stored = new Float32Array(1 + 16).fill(0.5);
  stored[0] = 7;
  for (const to of [1, 2, 3, 7, 11]) {
    const resized = interpolatePositions(stored, 1, 4, to);
    expect(resized.length).toBe(1 + to * to);
    expect(resized[0]).toBe(7);
    for (const one of resized.subarray(1)) expect(one).toBeCloseTo(0.5, 6);
  }
});
