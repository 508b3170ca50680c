// Against `generate(num_return_sequences=n)` of transformers: libs/blip/fixtures/make_alternative_references.py.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { wordCaption } from "./captions.ts";
import { CAPTION_LENGTHS, decodingSettings } from "./decoding/decoding-settings.ts";
import { createSamples } from "./decoding/samples.ts";
import { openFixture, openTaskContext, seededPicture } from "./testing/fixture.ts";
import type { GeneratedTokens, ItemResult } from "./worker/tasks.ts";

interface Reference {
  readonly pictureSeeds: number[];
  readonly weightsSha256?: string;
  readonly prefixes: Record<string, number[]>;
  readonly options: Record<string, { max_length: number; min_length: number; repetition_penalty?: number }>;
  readonly cases: {
    readonly picture: number;
    readonly prefix: string;
    readonly options: string;
    readonly beams: number;
    readonly texts: { readonly tokenIds: number[]; readonly score: number }[];
  }[];
}

const BUNDLED = fileURLToPath(new URL("../../../assets/model/medley-small", import.meta.url));

function openReference(name: string): Reference {
  const path = new URL(`../../blip/fixtures/alternatives/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Reference;
}

function value(result: ItemResult | undefined): GeneratedTokens {
  if (!result?.ok) throw new Error(result ? result.message : "no result");
  return result.value as GeneratedTokens;
}

const CHECKPOINTS = [
  { reference: "captioner", checkpoint: openFixture("captioner").folder, picturesOf: "captioner" },
  {
    reference: "original-captioner",
    checkpoint: `${openFixture("original/captioner").folder}/model_caption.pth`,
    picturesOf: "original/captioner",
  },
  { reference: "bundled", checkpoint: BUNDLED, picturesOf: "bundled" },
];

for (const { reference: name, checkpoint, picturesOf } of CHECKPOINTS) {
  test(`finds the reference's n best captions in its order, with their log-probabilities: ${name}`, async () => {
    const reference = openReference(name);
    const fixture = openFixture(picturesOf);
    const size = fixture.reference["imageSize"] as number;
    if (reference.weightsSha256 !== undefined) {
      const weights = createHash("sha256").update(readFileSync(`${BUNDLED}/pytorch_model.bin`));
      const advice = "the model changed: run libs/blip/fixtures/make_alternative_references.py";
      expect(weights.digest("hex"), advice).toBe(reference.weightsSha256);
    }
    const stored = fixture.pictures();
    const pictures =
      name === "bundled" ? stored : reference.pictureSeeds.map((seed) => ({ bytes: seededPicture(seed, size) }));
    const { run } = await openTaskContext(checkpoint);
    expect(reference.cases.length).toBeGreaterThan(20);
    for (const one of reference.cases) {
      const { max_length, min_length, repetition_penalty } = reference.options[one.options] as Reference["options"][""];
      const limits = { maxLength: max_length, minLength: min_length, repetitionPenalty: repetition_penalty ?? 1 };
      const decoding = { method: "beam", beams: one.beams, ...limits } as const;
      const settings = decodingSettings(decoding, CAPTION_LENGTHS, one.texts.length);
      const images = [pictures[one.picture] as (typeof pictures)[number]];
      const prefix = reference.prefixes[one.prefix] as number[];
      const [result] = await run({ kind: "captionImages", images, prefix, settings });
      const { alternatives = [], ...best } = value(result);
      const label = `picture ${one.picture}, ${one.prefix}, ${one.options}, ${one.beams} beams`;
      const found = [best, ...alternatives];
      expect(
        found.map(({ tokenIds }) => tokenIds),
        label,
      ).toEqual(one.texts.map(({ tokenIds }) => tokenIds));
      for (const [index, { tokenIds, logProbability }] of found.entries()) {
        const score = logProbability / (tokenIds.length - prefix.length);
        expect(score, label).toBeCloseTo(one.texts[index]?.score as number, 4);
      }
    }
  });
}

test("samples beside the caption what the seeds that follow give alone, likeliest first", async () => {
  const fixture = openFixture("captioner");
  const { run } = await openTaskContext(fixture.folder);
  const images = [fixture.pictures()[0] as { bytes: Uint8Array }];
  const prefix = (fixture.reference["prefixes"] as Record<string, number[]>)["prompt"] as number[];
  const sample = async (seed: number, texts: number) => {
    const settings = decodingSettings({ method: "nucleus", topP: 0.95, seed }, CAPTION_LENGTHS, texts);
    return value((await run({ kind: "captionImages", images, prefix, settings }))[0]);
  };
  const { alternatives = [], ...first } = await sample(7, 5);
  expect(first.tokenIds).toEqual((await sample(7, 1)).tokenIds);
  const alone = await Promise.all([8, 9, 10, 11].map(async (seed) => await sample(seed, 1)));
  const byProbability = alone.toSorted((a, b) => b.logProbability - a.logProbability);
  expect(alternatives.map(({ tokenIds }) => tokenIds)).toEqual(byProbability.map(({ tokenIds }) => tokenIds));
  for (const [index, { logProbability }] of alternatives.entries()) {
    expect(logProbability).toBeCloseTo(byProbability[index]?.logProbability as number, 4);
  }
  // Samples end at different lengths, so that the ended ones fill their rows while the others go on.
  expect(new Set([first, ...alternatives].map(({ tokenIds }) => tokenIds.length)).size).toBeGreaterThan(1);
});

test("lets a sample alone that has ended", () => {
  const settings = decodingSettings({ method: "nucleus", topP: 1, seed: 1, minLength: 0 }, CAPTION_LENGTHS, 2);
  const search = createSamples([9], 0, settings);
  search.advance([Float32Array.of(0, 0)]);
  const before = search.sequences();
  const ended = before.findIndex((tokens) => tokens.at(-1) === 0);
  search.advance([Float32Array.of(-50, 50), Float32Array.of(-50, 50)]);
  for (const [index, tokens] of search.sequences().entries()) {
    expect(tokens).toEqual(index === ended ? before[index] : [...(before[index] as number[]), 1]);
  }
});

test("tells a text once, the caption's among them", async () => {
  const { blip } = await openTaskContext(openFixture("captioner").folder);
  const { specialTokens } = blip.tokenizer;
  const word = blip.tokenizer.encode("picture", { first: "dec", appendSep: false });
  const ended = [...word, specialTokens.sep];
  const alternatives = [{ tokenIds: ended, logProbability: -2 }];
  const wording = { blip, prefix: [], prompt: "", tellsAlternatives: true };
  const caption = wordCaption({ tokenIds: word, logProbability: -1, alternatives }, wording);
  expect(caption).toMatchObject({ logProbability: -1, alternatives: [] });
});
