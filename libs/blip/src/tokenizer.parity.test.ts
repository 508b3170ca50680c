import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "./tokenizer.ts";
import { normaliseText, splitWords } from "./tokenizer-normalise.ts";
import { bundledVocabulary } from "./vocabulary.ts";

interface Expected {
  block: number;
  codePoints: string[];
  texts: { text: string; ids: number[]; ids35: number[]; decoded: string; decodedCleaned: string }[];
  decodes: { ids: number[]; decoded: string; decodedCleaned: string }[];
}

const expected: Expected = JSON.parse(
  await readFile(new URL("../fixtures/text/expected.json", import.meta.url), "utf8"),
);
const vocabulary = await bundledVocabulary();
const tokenizer = createTokenizer(vocabulary);
const cleaning = createTokenizer(vocabulary, { cleanUpSpaces: true });

/**
 * Blocks that hold letters whose canonical decomposition is younger than the reference's tables (Todhri, Tulu-Tigalari, Gurung
 * Khema, Kirat Rai, Dives Akuru: 21 code points). Each word with one of them is [UNK] on both sides.
 */
const YOUNGER_DECOMPOSITIONS = [0x10000, 0x11000, 0x16000];

describe("the tokenizer beside transformers 5.23", () => {
  it("has the vocabulary of bert-base-uncased with [DEC] and [ENC] behind it", () => {
    expect(vocabulary).toHaveLength(30522);
    expect(tokenizer.specialTokens).toEqual({ pad: 0, unknown: 100, cls: 101, sep: 102, decode: 30522, encode: 30523 });
  });

  it.each(expected.texts)("gives the same ids for $text", ({ text, ids }) => {
    expect(tokenizer.encode(text, { first: "cls" })).toEqual(ids);
  });

  it("truncates to 35 tokens at the same pieces", () => {
    for (const { text, ids35 } of expected.texts) {
      expect(tokenizer.encode(text, { first: "cls", maxTokens: 35 })).toEqual(ids35);
    }
    expect(expected.texts.filter(({ ids, ids35 }) => ids.length > ids35.length).length).toBeGreaterThanOrEqual(5);
  });

  it("decodes the same texts, with and without mending spaces", () => {
    for (const { ids, decoded, decodedCleaned } of [...expected.texts, ...expected.decodes]) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(cleaning.decode(ids)).toBe(decodedCleaned);
    }
  });

  it("treats every Unicode character the same", () => {
    const options = { lowercase: true, stripAccents: true, splitIdeographs: true };
    const different = expected.codePoints.flatMap((digest, index) => {
      const start = index * expected.block;
      return codePointDigest(start, expected.block, options) === digest ? [] : [start];
    });
    expect(different).toEqual(YOUNGER_DECOMPOSITIONS);
  });
});

function codePointDigest(start: number, count: number, options: Parameters<typeof normaliseText>[1]): string {
  const codes = Array.from({ length: count }, (_, index) => start + index);
  const scalars = codes.filter((code) => code < 0xd800 || code >= 0xe000);
  const text = scalars.map((code) => `x${String.fromCodePoint(code)}y`).join(" ");
  return createHash("sha256")
    .update(`${normaliseText(text, options)}\n${splitWords(text).join("\n")}`)
    .digest("hex")
    .slice(0, 16);
}
