import { expect, test } from "vitest";
import { objectHallucination, objectMentions } from "./object-hallucination.ts";

const vocabulary = [
  { name: "dog", synonyms: ["puppy"] },
  { name: "hot dog", synonyms: ["frankfurter"] },
  { name: "person", synonyms: ["man", "woman"] },
  { name: "wine glass", synonyms: [] },
  { name: "bus", synonyms: [] },
];

test("counts mentions that the picture does not show, captions that have one, and shown objects that are named", () => {
  const result = objectHallucination(
    [
      { caption: "A man and two dogs, one dog asleep.", objects: ["person"] },
      { caption: "A puppy on a bus.", objects: ["dog", "bus", "wine glass"] },
      { caption: "Nothing much.", objects: ["dog"] },
    ],
    vocabulary,
  );
  expect(result.chairI).toBe(2 / 5);
  expect(result.chairS).toBe(1 / 3);
  expect(result.recall).toBe(3 / 5);
  expect(result).toMatchObject({ mentions: 5, shownObjects: 5 });
  expect(result.perItem).toEqual([
    { mentioned: ["person", "dog", "dog"], hallucinated: ["dog", "dog"], missed: [] },
    { mentioned: ["dog", "bus"], hallucinated: [], missed: ["wine glass"] },
    { mentioned: [], hallucinated: [], missed: ["dog"] },
  ]);
});

test("takes the longest phrase where several fit", () => {
  expect(objectMentions(["a hot dog and a dog", "hot puppy"], vocabulary)).toEqual([["hot dog", "dog"], ["dog"]]);
});

test("knows plurals and not parts of words", () => {
  const texts = [
    "people and women",
    "wine glasses",
    "buses",
    "puppies",
    "a man's dogs",
    "a busy dogma",
    "wine in a glass",
  ];
  expect(objectMentions(texts, vocabulary)).toEqual([
    ["person", "person"],
    ["wine glass"],
    ["bus"],
    ["dog"],
    ["person", "dog"],
    [],
    [],
  ]);
});

test("prefers a listed phrase to the plural of another", () => {
  const glasses = [
    { name: "glass", synonyms: [] },
    { name: "spectacles", synonyms: ["glasses"] },
  ];
  expect(objectMentions(["a glass, two glasses"], glasses)).toEqual([["glass", "spectacles"]]);
});

test("gives 0 and says that nothing was counted when captions name nothing and pictures show nothing", () => {
  expect(objectHallucination([{ caption: "so it is", objects: [] }], vocabulary)).toMatchObject({
    chairI: 0,
    chairS: 0,
    recall: 0,
    mentions: 0,
    shownObjects: 0,
  });
});

test("refuses an empty set, unknown objects and phrases of two objects", () => {
  expect(() => objectHallucination([], vocabulary)).toThrow(/0 captions/);
  expect(() => objectHallucination([{ caption: "a cat", objects: ["cat"] }], vocabulary)).toThrow(
    /Picture 0 shows "cat"/,
  );
  const ambiguous = [...vocabulary, { name: "wolf", synonyms: ["dog"] }];
  expect(() => objectMentions([], ambiguous)).toThrow(/"dog" stands for "dog" and for "wolf"/);
  expect(() => objectMentions([], [{ name: "!", synonyms: [] }])).toThrow(/at least one word/);
});
