import { expect, test } from "vitest";
import { composeVectors } from "./arithmetic.ts";

const [x, y, z] = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0), Float32Array.of(0, 0, 1)];

test("adds what is wanted, takes away what is not, and scales the result to length 1", () => {
  const root = Math.sqrt(1 / 3);
  const composed = composeVectors([x, y], [z], 1);
  expect([...composed]).toEqual([root, root, -root].map((value) => expect.closeTo(value, 6)));
});

test("takes away as little as the weight says", () => {
  const [toward, away] = composeVectors([x], [y], 0.5);
  expect((away ?? 0) / (toward ?? 0)).toBeCloseTo(-0.5, 6);
});

test("refuses vectors that leave no direction", () => {
  expect(() => composeVectors([x], [x], 1)).toThrow("no direction");
  expect(() => composeVectors([], [x], 1)).toThrow("expected at least one");
});
