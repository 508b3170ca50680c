import { expect, test } from "vitest";
import { classificationMetrics } from "./classification.ts";

const items = [
  ...Array.from({ length: 4 }, () => ({ actual: "coat", predicted: "coat" })),
  ...Array.from({ length: 2 }, () => ({ actual: "coat", predicted: "shirt" })),
  { actual: "shirt", predicted: "shirt" },
  { actual: "shirt", predicted: "coat" },
  { actual: "bag", predicted: "boot" },
  { actual: "bag", predicted: "bag" },
];

test("gives accuracy over pictures and over classes, beside that of always naming the largest class", () => {
  const metrics = classificationMetrics(items);
  expect(metrics.accuracy).toBe(6 / 10);
  expect(metrics.macroAccuracy).toBeCloseTo((4 / 6 + 1 / 2 + 1 / 2) / 3, 12);
  expect(metrics.majorityBaseline).toEqual({ name: "coat", accuracy: 6 / 10 });
});

test("lists classes by name with how many pictures they have and were given", () => {
  expect(classificationMetrics(items).perClass).toEqual([
    { name: "bag", items: 2, accuracy: 1 / 2, predictions: 1 },
    { name: "coat", items: 6, accuracy: 4 / 6, predictions: 5 },
    { name: "shirt", items: 2, accuracy: 1 / 2, predictions: 3 },
  ]);
});

test("lists confusions from the most frequent, with classes that no picture shows", () => {
  expect(classificationMetrics(items).confusions).toEqual([
    { actual: "coat", predicted: "shirt", count: 2 },
    { actual: "bag", predicted: "boot", count: 1 },
    { actual: "shirt", predicted: "coat", count: 1 },
  ]);
});

test("refuses an empty set", () => {
  expect(() => classificationMetrics([])).toThrow(/0 classified pictures/);
});
