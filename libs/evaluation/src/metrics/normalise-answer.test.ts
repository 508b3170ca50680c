import { expect, test } from "vitest";
import { normaliseAnswer } from "./normalise-answer.ts";
import { vqaFixture } from "./testing/fixtures.ts";

test("equals the VQA evaluation script on each of its contractions and on answers with marks, digits and articles", () => {
  expect(vqaFixture.normalised.length).toBeGreaterThan(250);
  const ours = vqaFixture.normalised.map(([answer]) => [answer, normaliseAnswer(answer)]);
  expect(ours).toEqual(vqaFixture.normalised);
});
