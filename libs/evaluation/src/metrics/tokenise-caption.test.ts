import { expect, test } from "vitest";
import { tokenFixture } from "./testing/fixtures.ts";
import { tokeniseCaption } from "./tokenise-caption.ts";

test("gives the tokens of pycocoevalcap's tokeniser for each of more than 1,200 captions, hard ones among them", () => {
  expect(tokenFixture.captions.length).toBeGreaterThan(1_200);
  const ours = tokenFixture.captions.map(([caption]) => [caption, tokeniseCaption(caption).join(" ")]);
  expect(ours).toEqual(tokenFixture.captions);
});

test.each(tokenFixture.knownDifferences)("parts %j differently, as its readme says", (caption, tokens) => {
  expect(tokeniseCaption(caption).join(" ")).not.toBe(tokens);
});

test("parts contractions, possessives and quotations", () => {
  expect(tokeniseCaption(`The dogs' owner isn't "here", it's Bob's.`)).toEqual([
    "the",
    "dogs",
    "owner",
    "is",
    "n't",
    "here",
    "it",
    "'s",
    "bob",
    "'s",
  ]);
});

test("keeps hyphens, periods of abbreviations and marks inside numbers", () => {
  expect(tokeniseCaption("A 3-year-old in the U.S. pays $1,000.50 at 5 p.m., Mr. X.")).toEqual([
    "a",
    "3-year-old",
    "in",
    "the",
    "u.s.",
    "pays",
    "$",
    "1,000.50",
    "at",
    "5",
    "p.m.",
    "mr.",
    "x.",
  ]);
});

test("names brackets instead of removing them, as the reference does in spite of its list of punctuation", () => {
  expect(tokeniseCaption("(a) [b]!")).toEqual(["-lrb-", "a", "-rrb-", "-lsb-", "b", "-rsb-"]);
});

test("takes a line break for a space", () => {
  for (const lineBreak of ["\n", "\r\n", "\u2028", "\u0085"]) {
    expect(tokeniseCaption(`a dog${lineBreak}runs`)).toEqual(["a", "dog", "runs"]);
  }
});

test("finds no tokens where there are no words", () => {
  for (const text of ["", " ", "...", "\u201c\u201d", "\u{1f600}"]) expect(tokeniseCaption(text)).toEqual([]);
});

test("takes time in proportion to a text without spaces: 50,000 characters within five seconds on a busy machine", () => {
  for (const text of ["a/", "<a", "1 ", "(1", "n'", "a@"]) {
    const startedAt = performance.now();
    tokeniseCaption(text.repeat(25_000));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }
});
