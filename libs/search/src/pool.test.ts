import { expect, test } from "vitest";
import { type FoundByTexts, poolPictures, textEvidenceOf } from "./pool.ts";

const hit = (imageId: string, itcCosine = 0.1) => ({ imageId, sha256: imageId.repeat(2), itcCosine });
const near = (count: number, cosineOf: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => ({ ...hit(`t${index}`), textCosine: cosineOf(index) }));

/** What the texts of the pictures that they found say, in the order of the pool. */
const evidenceOf = (found: FoundByTexts) =>
  poolPictures([], [found], 10).toMatch.map(({ imageId }) => ({ imageId, ...textEvidenceOf(found)(imageId) }));

test("judges the nearest pictures and those that only their texts found, each once", () => {
  const retrieved = [hit("a", 0.9), hit("b", 0.8), hit("c", 0.7)];
  const byWords = [
    { ...hit("c", 0.7), textShare: 1 },
    { ...hit("x"), textShare: 0.5 },
  ];
  const byCosine = [
    { ...hit("x"), textCosine: 0.6 },
    { ...hit("y"), textCosine: 0.5 },
  ];
  const { toMatch, beyond, byText } = poolPictures(retrieved, [{ byWords, byCosine }], 1);
  expect(toMatch.map(({ imageId, rankBeforeRerank }) => [imageId, rankBeforeRerank])).toEqual([
    ["a", 1],
    ["c", 3],
    ["x", null],
    ["y", null],
  ]);
  expect(beyond.map(({ imageId }) => imageId)).toEqual(["b"]);
  expect(byText).toBe(2);
});

test("counts the nearest text as one and the 32nd as nothing", () => {
  const toMatch = evidenceOf({ byWords: [], byCosine: near(128, (index) => 0.9 - index / 200) });
  expect(toMatch).toHaveLength(32);
  expect(toMatch[0]).toMatchObject({ textScore: 1, textCosine: 0.9 });
  expect(toMatch[31]?.textScore).toBeCloseTo(0, 9);
});

test("takes the cosine as it is where too few pictures have texts to compare with, and never less than nothing", () => {
  const toMatch = evidenceOf({ byWords: [], byCosine: near(3, (index) => 0.3 - index / 5) });
  expect(toMatch.map(({ textScore }) => textScore)).toEqual([0.3, expect.closeTo(0.1, 9), 0]);
});

test("takes the better of the words and the nearness of a picture's texts", () => {
  const byWords = [{ ...hit("t1"), textShare: 0.4 }];
  const toMatch = evidenceOf({ byWords, byCosine: near(2, () => 0.25) });
  expect(toMatch.find(({ imageId }) => imageId === "t1")).toMatchObject({ textShare: 0.4, textScore: 0.4 });
  expect(toMatch.find(({ imageId }) => imageId === "t0")).toMatchObject({ textShare: 0, textScore: 0.25 });
});
