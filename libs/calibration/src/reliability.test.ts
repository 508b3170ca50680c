import { expect, test } from "vitest";
import { heldOutPredictions } from "./held-out.ts";
import { type Prediction, reliabilityOf } from "./reliability.ts";

const many = (count: number, probability: number, holds: boolean): Prediction[] =>
  Array.from({ length: count }, () => ({ probability, holds }));

test("finds no error where as many hold as was said, and shows each bin's mean, share and count", () => {
  const reliability = reliabilityOf([
    ...many(20, 0.2, true),
    ...many(80, 0.2, false),
    ...many(80, 0.8, true),
    ...many(20, 0.8, false),
  ]);
  expect(reliability?.expectedCalibrationError).toBeCloseTo(0, 12);
  expect(reliability).toMatchObject({ positives: 100, negatives: 100 });
  expect(reliability?.bins).toHaveLength(2);
  expect(reliability?.bins[0]).toMatchObject({
    predicted: expect.closeTo(0.2),
    observed: expect.closeTo(0.2),
    count: 100,
  });
});

test("counts what was said too surely, by the weight of its bin", () => {
  const reliability = reliabilityOf([...many(50, 0.95, true), ...many(50, 0.95, false), ...many(0, 0.5, true)]);
  expect(reliability?.expectedCalibrationError).toBeCloseTo(0.45, 12);
});

test("weighs both classes the same when one has twice as many examples", () => {
  const once = [...many(30, 0.9, true), ...many(10, 0.4, true), ...many(20, 0.4, false), ...many(20, 0.1, false)];
  const more = [...once, ...once.filter(({ holds }) => !holds)];
  const [few, twice] = [reliabilityOf(once), reliabilityOf(more)];
  expect(twice?.expectedCalibrationError).toBeCloseTo(few?.expectedCalibrationError ?? Number.NaN, 12);
  expect(reliabilityOf(many(3, 0.5, true))).toBeNull();
});

test("takes probabilities of exactly 0 and 1 into the outer bins", () => {
  const reliability = reliabilityOf([...many(1, 1, true), ...many(1, 0, false)]);
  expect(reliability).toMatchObject({ expectedCalibrationError: 0, bins: [{ predicted: 0 }, { predicted: 1 }] });
});

test("predicts every example by a fit that has not seen its group", () => {
  const groups = Array.from({ length: 40 }, (_, index) => [
    { score: 2 + (index % 5) / 5, matches: true },
    { score: -2 - (index % 7) / 7, matches: false },
  ]);
  const clean = heldOutPredictions(groups);
  expect(clean).toHaveLength(80);
  expect(clean.every(({ probability, holds }) => probability > 0.5 === holds)).toBe(true);
  // A fit that had seen its own wrong labels would lean towards them; four fifths of right ones outvote each fold.
  const wrongFold = groups.map((group, index) =>
    index % 5 === 0 ? group.map(({ score, matches }) => ({ score, matches: !matches })) : group,
  );
  const predictions = heldOutPredictions(wrongFold).slice(0, 16);
  expect(predictions.every(({ probability, holds }) => probability > 0.5 !== holds)).toBe(true);
  expect(heldOutPredictions([])).toEqual([]);
});
