import { expect, test } from "vitest";
import { fitPlatt, type LabelledScore } from "./platt.ts";

/** Deterministic numbers in 0..1 (Mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Scores whose true probability of a match is known: 1 / (1 + exp(-(slope * score + offset))). */
function draw(count: number, slope: number, offset: number): LabelledScore[] {
  const random = randomNumbers(7);
  return Array.from({ length: count }, () => {
    const score = 20 * random() - 10;
    return { score, matches: random() < 1 / (1 + Math.exp(-(slope * score + offset))) };
  });
}

test("finds the slope and offset that the labels were drawn with", () => {
  const fitted = fitPlatt(draw(20_000, 0.5, 0));
  expect(fitted?.slope).toBeCloseTo(0.5, 1);
  expect(fitted?.offset).toBeCloseTo(0, 1);
});

test("gives the same probabilities when one class has more examples of the same kind", () => {
  const examples = draw(4_000, 0.4, 1);
  const more = [...examples, ...examples.filter(({ matches }) => !matches)];
  const [few, many] = [fitPlatt(examples), fitPlatt(more)];
  expect(many?.slope).toBeCloseTo(few?.slope ?? Number.NaN, 2);
  expect(many?.offset).toBeCloseTo(few?.offset ?? Number.NaN, 2);
});

test("stays finite where the classes part cleanly, and at scores of any size", () => {
  const apart = [-1000, -900, 900, 1000].map((score) => ({ score, matches: score > 0 }));
  const fitted = fitPlatt(apart);
  expect(fitted?.slope).toBeGreaterThan(0);
  expect(fitted?.slope).toBeLessThan(1);
});

test("refuses one class, equal scores and scores that are the wrong way round", () => {
  expect(fitPlatt([])).toBeNull();
  expect(fitPlatt([{ score: 1, matches: true }])).toBeNull();
  expect(fitPlatt([1, 1, 1, 1].map((score, index) => ({ score, matches: index % 2 === 0 })))).toBeNull();
  expect(fitPlatt(draw(1_000, -0.5, 0))).toBeNull();
});
