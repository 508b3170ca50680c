import { expect, test } from "vitest";
import { languageOf } from "./language.ts";
import { MOST_SENTENCES, sentencesOf } from "./sentences.ts";

test.each([
  ["a ruined pier standing in the sea at sunset", "en"],
  ["eine grüne Wiese am Morgen", "de"],
  ["un hombre y una mujer caminan por la playa con sus perros", "es"],
  ["Рыжая кошка лежит на диване у окна", "ru"],
  ["猫が眠っている", "ja"],
])("tells the language of %s", (text, language) => {
  expect(languageOf(text)).toBe(language);
});

test.each(["piano", "ambulance", "red car", "IMG 2041", "steam engine"])(
  "does not take the short text %s for one of another language",
  (text) => {
    expect(["en", "und"]).toContain(languageOf(text));
  },
);

test.each(["", " ", "!!!", "2019-04-01", "🙂"])("says that %j holds no word", (text) => {
  expect(languageOf(text)).toBe("zxx");
});

test("judges a caption as a whole, whatever its punctuation", () => {
  expect(sentencesOf("Bullet Hole. This is a vectorized bullet hole.")).toEqual([]);
  expect(sentencesOf("")).toEqual([]);
});

test("cuts a long text into its sentences, each once", () => {
  const text =
    "Welcome to our shop! We sell apples and pears from Kent. A red apple lies on a wooden table. Welcome to our shop! Call Mr. Smith at 5 p.m. on Monday or write to us.";
  const sentences = sentencesOf(text);
  expect(sentences).toContain("A red apple lies on a wooden table.");
  expect(sentences.filter((sentence) => sentence === "Welcome to our shop!")).toHaveLength(1);
});

test("does not cut a single long sentence, and takes no more than the first sentences of a page", () => {
  expect(sentencesOf(`a ${"very ".repeat(40)}long caption`)).toEqual([]);
  const page = Array.from({ length: 100 }, (_, index) => `This is the sentence with number ${index}.`).join(" ");
  expect(sentencesOf(page)).toHaveLength(MOST_SENTENCES);
});

test("stands 100 kB of text and half a surrogate pair", () => {
  const text = `${"x".repeat(100_000)} \ud800`;
  expect(languageOf(text)).toBeTypeOf("string");
  expect(sentencesOf(text)).toEqual([]);
});
