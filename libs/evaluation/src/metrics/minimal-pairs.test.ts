import { expect, test } from "vitest";
import { type PairScores, pairAccuracy, winogroundScores } from "./minimal-pairs.ts";

const right: PairScores = {
  scores: [
    [0.9, 0.1],
    [0.2, 0.8],
  ],
};
// Captions are told apart for each picture, but caption 1 likes picture 0 more than its own.
const textOnly: PairScores = {
  scores: [
    [0.9, 0.1],
    [0.5, 0.3],
  ],
};
const imageOnly: PairScores = {
  scores: [
    [0.9, 0.5],
    [0.1, 0.3],
  ],
};
const indifferent: PairScores = {
  scores: [
    [0.5, 0.5],
    [0.5, 0.5],
  ],
};

test("counts text, image and group as Winoground does", () => {
  const { text, image, group, perItem } = winogroundScores([right, textOnly, imageOnly, indifferent]);
  expect({ text, image, group }).toEqual({ text: 0.5, image: 0.5, group: 0.25 });
  expect(perItem).toEqual([
    { text: true, image: true, group: true },
    { text: true, image: false, group: false },
    { text: false, image: true, group: false },
    { text: false, image: false, group: false },
  ]);
});

test("comes to 1/4, 1/4 and 1/6 over all orders of the four scores, the chance levels", () => {
  const orders = permutationsOf([1, 2, 3, 4]).map(
    ([a = 0, b = 0, c = 0, d = 0]): PairScores => ({
      scores: [
        [a, b],
        [c, d],
      ],
    }),
  );
  const { text, image, group } = winogroundScores(orders);
  expect(orders.length).toBe(24);
  expect({ text, image, group }).toEqual({ text: 1 / 4, image: 1 / 4, group: 1 / 6 });
});

test("takes equal scores of a true and a false caption for wrong", () => {
  const pairs = [
    { right: 2, wrong: 1 },
    { right: 1, wrong: 1 },
    { right: 0, wrong: 1 },
    { right: 1, wrong: -1 },
  ];
  expect(pairAccuracy(pairs)).toEqual({ accuracy: 0.5, perItem: [true, false, false, true] });
});

test("refuses an empty set and scores that are no numbers", () => {
  expect(() => winogroundScores([])).toThrow(/0 minimal pairs/);
  expect(() => pairAccuracy([])).toThrow(/0 minimal pairs/);
  expect(() =>
    winogroundScores([
      right,
      {
        scores: [
          [1, Number.NaN],
          [1, 1],
        ],
      },
    ]),
  ).toThrow(/pair 1 is NaN/);
});

function permutationsOf(values: readonly number[]): number[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value) =>
    permutationsOf(values.filter((other) => other !== value)).map((rest) => [value, ...rest]),
  );
}
