import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "./tokenizer.ts";
import { readTokenizerOptions } from "./tokenizer-files.ts";
import { bundledVocabulary, readVocabulary } from "./vocabulary.ts";

const SMALL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "É", "é"];

describe("special tokens", () => {
  const tokenizer = createTokenizer(SMALL);

  it("puts the asked-for token first and [SEP] last", () => {
    expect(tokenizer.encode("a dog", { first: "cls" })).toEqual([2, 4, 5, 3]);
    expect(tokenizer.encode("a dog", { first: "enc" })).toEqual([10, 4, 5, 3]);
    expect(tokenizer.encode("a dog", { first: "dec", appendSep: false })).toEqual([9, 4, 5]);
    expect(tokenizer.encode("a dog", { first: 7 })).toEqual([7, 4, 5, 3]);
  });

  it("keeps the first pieces when it truncates, also in the middle of a word", () => {
    expect(tokenizer.encode("a dogs a", { first: "cls", maxTokens: 4 })).toEqual([2, 4, 5, 3]);
    expect(tokenizer.encode("a dogs a", { first: "cls", maxTokens: 2 })).toEqual([2, 3]);
    expect(tokenizer.encode("a dogs", { first: "dec", maxTokens: 2, appendSep: false })).toEqual([9, 4]);
  });

  it("takes [DEC] and [ENC] from the vocabulary or from the configuration where these name them", () => {
    const named = createTokenizer([...SMALL, "[ENC]", "[DEC]"]).specialTokens;
    expect([named.decode, named.encode]).toEqual([10, 9]);
    const configured = createTokenizer(SMALL, { specialTokens: { decode: 20, sep: 8 } });
    expect([configured.specialTokens.decode, configured.specialTokens.encode]).toEqual([20, 21]);
    expect(configured.encode("a", { first: "dec" })).toEqual([20, 4, 8]);
  });

  it("leaves special ids, unknown pieces and ids outside the vocabulary out of decoded text", () => {
    expect(tokenizer.decode([9, 10, 2, 1, 4, 99, -1, 5, 6, 3, 0])).toBe("a dogs");
  });

  it("names the special piece that a vocabulary lacks", () => {
    expect(() => createTokenizer(["[PAD]", "[UNK]", "[CLS]"])).toThrow('no "[SEP]"');
  });
});

describe("settings", () => {
  it("keeps case and accents where the checkpoint says so", () => {
    expect(createTokenizer(SMALL, { lowercase: false }).encode("É", { first: "cls" })).toEqual([2, 7, 3]);
    expect(createTokenizer(SMALL, { stripAccents: false }).encode("É", { first: "cls" })).toEqual([2, 8, 3]);
  });

  it("reads them and the pieces from tokenizer.json and tokenizer_config.json", async () => {
    await using folder = await temporaryFolder();
    const vocab = Object.fromEntries(SMALL.slice(2).map((piece, index) => [piece, index + 2]));
    const added = SMALL.slice(0, 2).map((content, id) => ({ content, id, special: true }));
    await writeFile(
      join(folder.path, "tokenizer.json"),
      JSON.stringify({
        added_tokens: added,
        normalizer: { type: "BertNormalizer", lowercase: false, strip_accents: null },
        model: { type: "WordPiece", vocab },
      }),
    );
    await writeFile(join(folder.path, "tokenizer_config.json"), '{"clean_up_tokenization_spaces": true}');
    expect(await readVocabulary(join(folder.path, "tokenizer.json"))).toEqual(SMALL);
    expect(await readTokenizerOptions(folder.path)).toEqual({ lowercase: false, cleanUpSpaces: true });
  });

  it("are BERT's own where a checkpoint has no tokenizer files", async () => {
    await using folder = await temporaryFolder();
    expect(await readTokenizerOptions(folder.path)).toEqual({});
  });

  it("refuses tokenizer files that are damaged or of another kind", async () => {
    await using folder = await temporaryFolder();
    const refused = async (name: string, content: string) => {
      await writeFile(join(folder.path, name), content);
      return await readVocabulary(join(folder.path, name)).catch((error: Error) => error.message);
    };
    expect(await refused("tokenizer.json", "{")).toContain("not valid JSON");
    expect(await refused("tokenizer.json", '{"model":{"type":"BPE","vocab":{"a":0}}}')).toContain('"BPE"');
    expect(await refused("tokenizer.json", '{"model":{"vocab":{"a":0,"b":2}}}')).toContain("no piece with the id 1");
    expect(await refused("tokenizer.json", '{"model":{"vocab":{"a":4000000000}}}')).toContain("4000000000");
    expect(await refused("vocab.txt", "")).toContain("holds no pieces");
  });
});

describe("hostile texts", () => {
  it("take time in proportion to their length", async () => {
    const tokenizer = createTokenizer(await bundledVocabulary());
    const texts = ["x".repeat(1_000_000), " ".repeat(1_000_000), "[SEP".repeat(250_000), "\ud800".repeat(1_000_000)];
    const before = process.threadCpuUsage();
    for (const text of texts) tokenizer.encode(text, { first: "cls", maxTokens: 35 });
    expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(5_000);
  });

  it("with lone surrogates lose only these", () => {
    expect(createTokenizer(SMALL).encode("a \ud83d dog\udc00s", { first: "cls" })).toEqual([2, 4, 5, 6, 3]);
  });
});

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "medley-tokenizer-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
