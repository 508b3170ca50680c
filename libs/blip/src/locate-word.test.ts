import { expect, test } from "vitest";
import { locateWord } from "./locate-word.ts";
import { cleanCaption } from "./text.ts";
import { createTokenizer } from "./tokenizer.ts";
import { bundledVocabulary } from "./vocabulary.ts";

const tokenizer = createTokenizer(await bundledVocabulary());
const locate = (text: string, word: string, maxTokens = 35) =>
  locateWord(tokenizer, cleanCaption(text), word, maxTokens);
/** What stands at the positions, as the model reads it. */
function read(text: string, word: string): string {
  const ids = tokenizer.encode(cleanCaption(text), { first: "enc" });
  const located = locate(text, word);
  return located.found ? tokenizer.decode(located.positions.map((place) => ids[place] as number)) : "";
}

test("finds a word whatever its case, accents and the marks around it", () => {
  expect(locate("two dogs on a beach", "dogs")).toEqual({ found: true, positions: [2] });
  expect(locate("Two DOGS, on a beach.", " Dogs! ")).toEqual({ found: true, positions: [2] });
  expect(read("a Café at night", "cafe")).toBe("cafe");
  expect(read("the dog's bone", "dog's")).toBe("dog ' s");
});

test("finds every piece of a word that the vocabulary does not have, and several words in a row", () => {
  const located = locate("a photo of zebrafish swarming", "zebrafish");
  expect(located.found && located.positions.length).toBeGreaterThan(1);
  expect(read("a photo of zebrafish swarming", "zebrafish")).toBe("zebrafish");
  expect(read("a big red apple", "red apple")).toBe("red apple");
});

test("finds a word wherever the text has it", () => {
  expect(locate("a dog and a dog", "dog")).toEqual({ found: true, positions: [2, 5] });
});

test("takes no part of a word for it, and says which words there are", () => {
  expect(locate("a catch of fish", "cat")).toEqual({
    found: false,
    isBeyond: false,
    words: ["a", "catch", "of", "fish"],
  });
  expect(locate("a red car, an apple", "red apple").found).toBe(false);
  expect(locate("a dog", "!!").found).toBe(false);
});

test("says that a word stands behind what the model reads", () => {
  expect(locate("one two three four", "three", 5)).toEqual({ found: true, positions: [3] });
  expect(locate("one two three four", "four", 5)).toEqual({
    found: false,
    isBeyond: true,
    words: ["one", "two", "three"],
  });
});

test("gives the tokens that encoding gives, word by word", () => {
  const text = "l'été, 42 naïve zebrafish — 犬 [SEP] ###";
  expect(tokenizer.words(text).flatMap(({ ids }) => ids)).toEqual(
    tokenizer.encode(text, { first: "cls" }).slice(1, -1),
  );
});
