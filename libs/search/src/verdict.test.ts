import { expect, test } from "vitest";
import { bestScoreOf, matchProbabilityOf, VERDICT_CANDIDATES } from "./calibration.ts";
import { verdictOf } from "./verdict.ts";

/** Answer probability 0.5 at a best score of 4, 0.88 at 6, 0.12 at 2. */
const calibration = { query: { slope: 1, offset: -4, strongFrom: 0.8, noneBelow: 0.2 } };

test("takes the verdict of the models where texts say nothing", () => {
  expect(verdictOf({ calibration, best: 6, textShare: 0 })).toMatchObject({ verdict: "STRONG", decidedBy: "MODELS" });
  expect(verdictOf({ calibration, best: 4, textShare: 0.3 })).toMatchObject({
    verdict: "WEAK",
    answerProbability: 0.5,
  });
  expect(verdictOf({ calibration, best: 2, textShare: 0 })).toMatchObject({ verdict: "NONE", decidedBy: "MODELS" });
});

test("believes a picture's own texts against the models: all words are strong, half of their weight is weak", () => {
  const none = { calibration, best: 2 };
  expect(verdictOf({ ...none, textShare: 1 - 1e-12 })).toMatchObject({ verdict: "STRONG", decidedBy: "TEXTS" });
  expect(verdictOf({ ...none, textShare: 0.5 })).toMatchObject({ verdict: "WEAK", decidedBy: "TEXTS" });
  expect(verdictOf({ ...none, textShare: 0.49 })).toMatchObject({ verdict: "NONE", decidedBy: "MODELS" });
});

test("never lets texts weaken a verdict, and names the models where both agree", () => {
  expect(verdictOf({ calibration, best: 6, textShare: 0.6 })).toMatchObject({ verdict: "STRONG", decidedBy: "MODELS" });
  expect(verdictOf({ calibration, best: 6, textShare: 1 })).toMatchObject({ verdict: "STRONG", decidedBy: "MODELS" });
});

test("says nothing without a calibration, a matched picture or a telling text, and lets texts speak alone", () => {
  for (const unknown of [
    { calibration: null, best: 9 },
    { calibration: { query: null }, best: 9 },
    { calibration, best: null },
  ]) {
    expect(verdictOf({ ...unknown, textShare: 0.4 })).toBeNull();
    expect(verdictOf({ ...unknown, textShare: 1 })).toEqual({
      verdict: "STRONG",
      decidedBy: "TEXTS",
      answerProbability: null,
    });
  }
});

const SCORES = {
  place: "ALL",
  itcCosine: 0,
  itmLogit: 0,
  matchProbability: null,
  textShare: 0,
  textCosine: null,
  textScore: 0,
  fit: null,
} as const;

test("takes the best score from the nearest pictures alone, whatever their texts brought in", () => {
  const hit = (rankBeforeRerank: number | null, rerankScore: number | null) => ({
    rankBeforeRerank,
    clauses: [{ ...SCORES, rerankScore }],
  });
  const hits = [hit(null, 9), hit(VERDICT_CANDIDATES + 1, 8), hit(VERDICT_CANDIDATES, 3), hit(1, -2), hit(2, null)];
  expect(bestScoreOf(hits)).toBe(3);
  expect(bestScoreOf([hit(null, 9), hit(1, null)])).toBeNull();
  expect(bestScoreOf([])).toBeNull();
});

test("gives a pair the probability of its score", () => {
  const pair = { slope: 0.5, offset: -1 };
  expect(matchProbabilityOf({ pair }, 2)).toBeCloseTo(0.5, 12);
  expect(matchProbabilityOf({ pair }, 10)).toBeCloseTo(1 / (1 + Math.exp(-4)), 12);
  expect(matchProbabilityOf({ pair }, -1e9)).toBe(0);
});
