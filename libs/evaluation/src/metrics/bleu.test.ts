import { expect, test } from "vitest";
import { EvaluationError } from "../evaluation-error.ts";
import { bleu, bleuCounts, bleuOfCounts } from "./bleu.ts";
import { largestDifference, scoredSets } from "./testing/fixtures.ts";

test.each(scoredSets)("equals pycocoevalcap to 1e-6 on %s, for the corpus and for each item", (_, expected) => {
  const { corpus, perItem } = bleu(expected.pairs);
  expect(largestDifference(corpus, expected.bleu.corpus)).toBeLessThan(1e-6);
  expect(largestDifference(perItem.flat(), expected.bleu.perItem.flat())).toBeLessThan(1e-6);
});

test("scores a selection of counted captions as it scores the captions themselves", () => {
  const pairs = scoredSets[0]?.[1].pairs ?? [];
  const selection = [3, 3, 0, 17].flatMap((index) => pairs.slice(index, index + 1));
  expect(bleuOfCounts(selection.map(bleuCounts))).toEqual(bleu(selection).corpus);
});

test("refuses an empty set and an item without references", () => {
  expect(() => bleu([])).toThrow(EvaluationError);
  expect(() => bleu([{ candidate: "a dog", references: [] }])).toThrow(/"a dog".*0 references/);
});
