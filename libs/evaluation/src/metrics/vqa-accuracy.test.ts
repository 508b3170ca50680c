import { expect, test } from "vitest";
import { EvaluationError } from "../evaluation-error.ts";
import { vqaFixture } from "./testing/fixtures.ts";
import { vqaAccuracy } from "./vqa-accuracy.ts";

test("equals the VQA evaluation script to 1e-6 on answers with four, five and ten annotators", () => {
  expect(vqaFixture.accuracies.length).toBeGreaterThan(350);
  for (const [answer, annotatorAnswers, accuracy] of vqaFixture.accuracies) {
    expect(vqaAccuracy(answer, annotatorAnswers), `${answer}: ${annotatorAnswers}`).toBeCloseTo(accuracy, 6);
  }
});

test("gives 0, 0.3, 0.6, 0.9, 1 for 0, 1, 2, 3, 4 of ten annotators who agree", () => {
  const accuracies = [0, 1, 2, 3, 4].map((agreeing) =>
    vqaAccuracy(
      "yes",
      Array.from({ length: 10 }, (_, annotator) => (annotator < agreeing ? "yes" : "no")),
    ),
  );
  for (const [index, expected] of [0, 0.3, 0.6, 0.9, 1].entries()) expect(accuracies[index]).toBeCloseTo(expected, 12);
});

test("gives full agreement of two or three annotators 1, and one of two a half", () => {
  expect(vqaAccuracy("Two", ["2", "two"])).toBe(1);
  expect(vqaAccuracy("dog", ["a dog", "dog", "Dog."])).toBe(1);
  expect(vqaAccuracy("dog", ["dog", "cat"])).toBe(0.5);
});

test("compares with a single answer after normalising both", () => {
  expect(vqaAccuracy("The Dog.", ["dog"])).toBe(1);
  expect(vqaAccuracy("2", ["Two"])).toBe(1);
  expect(vqaAccuracy("dogs", ["dog"])).toBe(0);
});

test("refuses a question without annotators' answers", () => {
  expect(() => vqaAccuracy("yes", [])).toThrow(EvaluationError);
});
