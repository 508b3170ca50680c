import { expect, test } from "vitest";
import { wordsToLookFor } from "./query-words.ts";

test("takes the words that name something, each once, in their order", () => {
  expect(wordsToLookFor("Two dogs on a beach, and two red-brown dogs!")).toEqual(["two", "dogs", "beach", "red-brown"]);
  expect(wordsToLookFor("l'été à Zürich")).toEqual(["l'été", "à", "zürich"]);
});

test("takes nothing from a text without such words, and few from a long one", () => {
  expect(wordsToLookFor("of the … (!)")).toEqual([]);
  expect(wordsToLookFor(Array.from({ length: 30 }, (_, index) => `word${index}`).join(" "))).toHaveLength(8);
});
