// Against PyTorch transformers 5 (and a plain-torch BLIP for the original layouts) on random weights; the fixtures' scripts and
// versions are in libs/blip/fixtures.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ANSWER_LENGTHS, CAPTION_LENGTHS, decodingSettings } from "./decoding/decoding-settings.ts";
import { nucleus } from "./decoding/nucleus.ts";
import { openFixture, openTaskContext, seededPicture } from "./testing/fixture.ts";
import type { GeneratedTokens, ItemResult, MatchLogits } from "./worker/tasks.ts";

const RETRIEVAL = [
  { name: "retrieval-square", weights: "" },
  { name: "retrieval-wide", weights: "" },
  { name: "original/retrieval", weights: "/model_retrieval.pth" },
  { name: "original/pretrain", weights: "/model_pretrain.pth" },
];
const CAPTIONERS = [
  { name: "captioner", weights: "" },
  { name: "original/captioner", weights: "/model_caption.pth" },
  { name: "original/pretrain", weights: "/model_pretrain.pth" },
];
const ANSWERERS = [
  { name: "answerer", weights: "" },
  { name: "original/answerer", weights: "/model_vqa.pth" },
];

function value<T>(result: ItemResult | undefined): T {
  if (!result?.ok) throw new Error(result ? result.message : "no result");
  return result.value as T;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, one, index) => Math.max(most, Math.abs(one - (b[index] as number))), 0);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [index, one] of a.entries()) {
    const other = b[index] as number;
    ab += one * other;
    aa += one * one;
    bb += other * other;
  }
  return ab / Math.sqrt(aa * bb);
}

for (const { name, weights } of RETRIEVAL) {
  test(`gives the reference's embeddings and match logits: ${name}`, async () => {
    const fixture = openFixture(name);
    const { run, images, model, blip } = await openTaskContext(fixture.folder + weights);
    const pictures = fixture.pictures();
    const texts = fixture.reference["texts"] as { text: string; tokenIds: number[] }[];
    const encoded = await images.encode(model, pictures);
    const tokens = encoded.flatMap((one) => ("tokens" in one ? [...(one.tokens.data as Float32Array)] : []));
    expect(largestDifference(Float32Array.from(tokens), fixture.floats("imageTokens"))).toBeLessThan(1e-4);

    const imageEmbeddings = (await run({ kind: "embedImages", images: pictures })).map((one) =>
      value<Float32Array>(one),
    );
    const wantedImages = fixture.floats("imageFeatures");
    const size = wantedImages.length / pictures.length;
    for (const [index, one] of imageEmbeddings.entries()) {
      expect(cosine(one, wantedImages.slice(index * size, (index + 1) * size))).toBeGreaterThan(0.99999);
    }
    const wantedTexts = fixture.floats("textFeatures");
    const logits = {
      enc: fixture.reference["itmLogitsEnc"] as number[][][],
      cls: fixture.reference["itmLogitsCls"] as number[][][],
    };
    const { specialTokens } = blip.tokenizer;
    for (const [t, { text, tokenIds }] of texts.entries()) {
      expect(blip.tokenizer.encode(text, { first: "cls" })).toEqual(tokenIds);
      const [embedded] = await run({ kind: "embedTexts", texts: [tokenIds] });
      expect(cosine(value(embedded), wantedTexts.slice(t * size, (t + 1) * size))).toBeGreaterThan(0.99999);
      for (const [variant, first] of [
        ["enc", specialTokens.encode],
        ["cls", specialTokens.cls],
      ] as const) {
        const text = { itmIds: [first, ...tokenIds.slice(1)], itcIds: tokenIds };
        const byImage = await run({ kind: "matchImages", text, images: pictures });
        for (const [p, picture] of pictures.entries()) {
          const [noMatch, match] = (logits[variant][p] as number[][])[t] as [number, number];
          const [byText] = await run({ kind: "matchTexts", image: picture, texts: [text] });
          for (const result of [byImage[p], byText]) {
            const got = value<MatchLogits>(result);
            expect(Math.abs(got.itmLogit - match)).toBeLessThan(1e-3);
            expect(Math.abs(got.itmNoMatchLogit - noMatch)).toBeLessThan(1e-3);
            const wanted = (fixture.reference["itcCosines"] as number[][])[p]?.[t] as number;
            expect(Math.abs((got.itcCosine as number) - wanted)).toBeLessThan(1e-4);
          }
        }
      }
    }
  });
}

const FORMS = [
  { form: "retrieval-fp32", tolerance: 1e-3 },
  { form: "retrieval-bin", tolerance: 1e-3 },
  { form: "retrieval-sharded", tolerance: 1e-3 },
  { form: "retrieval-fp16", tolerance: 1e-3 },
  { form: "retrieval-bf16", tolerance: 1e-3 },
];

for (const { form, tolerance } of FORMS) {
  test(`gives the reference's match logits from the file form ${form}`, async () => {
    const { folder, reference } = openFixture("forms");
    const { run, blip } = await openTaskContext(`${folder}/${form}`);
    const wanted = (reference[form] as { itmLogitsEnc: number[][][] }).itmLogitsEnc;
    const texts = reference["texts"] as { tokenIds: number[] }[];
    const size = reference["imageSize"] as number;
    const images = (reference["pictureSeeds"] as number[]).map((seed) => ({ bytes: seededPicture(seed, size) }));
    for (const [t, { tokenIds }] of texts.entries()) {
      const itmIds = [blip.tokenizer.specialTokens.encode, ...tokenIds.slice(1)];
      const results = await run({ kind: "matchImages", text: { itmIds }, images });
      for (const [p, result] of results.entries()) {
        const difference = value<MatchLogits>(result).itmLogit - (wanted[p]?.[t]?.[1] as number);
        expect(Math.abs(difference)).toBeLessThan(tolerance);
      }
    }
  });
}

for (const form of ["captioner-tied", "captioner-transformers-5", "captioner-untied"]) {
  test(`writes the reference's captions with the output matrix of ${form}`, async () => {
    const { folder, reference } = openFixture("forms");
    const { run } = await openTaskContext(`${folder}/${form}`);
    const { greedy } = reference[form] as { greedy: number[][] };
    const size = reference["imageSize"] as number;
    const seeds = reference["pictureSeeds"] as number[];
    expect(greedy.length).toBeGreaterThan(0);
    for (const [index, tokenIds] of greedy.entries()) {
      const image = { bytes: seededPicture(seeds[index] as number, size) };
      const settings = decodingSettings({ method: "greedy" }, CAPTION_LENGTHS);
      const prefix = tokenIds.slice(0, 4); // [DEC] a picture of
      const [written] = await run({ kind: "captionImages", images: [image], prefix, settings });
      expect(value<GeneratedTokens>(written).tokenIds).toEqual(tokenIds);
    }
  });
}

test("interpolates positions as PyTorch does when the model is opened at another size", async () => {
  const fixture = openFixture("original/retrieval");
  const cases = fixture.reference["interpolation"] as { imageSize: number; imageTokens: { file: string } }[];
  expect(cases.length).toBeGreaterThan(1);
  for (const one of cases) {
    const path = `${fixture.folder}/model_retrieval.pth`;
    const { images, model } = await openTaskContext(path, { imagePixels: one.imageSize });
    const pictures = [1, 2, 3, 4].map((seed) => ({ bytes: seededPicture(seed, one.imageSize) }));
    const encoded = await images.encode(model, pictures);
    const wanted = fixture.floatsOf(one.imageTokens);
    const [first] = encoded;
    const data = first && "tokens" in first ? (first.tokens.data as Float32Array) : new Float32Array();
    expect(largestDifference(data, wanted.slice(0, data.length))).toBeLessThan(1e-4);
  }
});

interface Generation {
  readonly picture: number;
  readonly prefix: string;
  readonly options: string;
  readonly greedy: { readonly tokenIds: number[]; readonly text: string };
  readonly beam: { readonly tokenIds: number[]; readonly score: number };
}

for (const { name, weights } of CAPTIONERS) {
  test(`writes the reference's captions token for token, greedy and beam: ${name}`, async () => {
    const fixture = openFixture(name);
    const { run } = await openTaskContext(fixture.folder + weights);
    const { reference } = fixture;
    const size = reference["imageSize"] as number;
    const seeds = reference["pictureSeeds"] as number[];
    const options = reference["options"] as Record<string, Record<string, number>>;
    const prefixes = reference["prefixes"] as Record<string, number[]>;
    const generations = reference["generations"] as Generation[];
    expect(generations.length).toBeGreaterThanOrEqual(12);
    for (const one of generations) {
      const chosen = options[one.options] ?? {};
      const lengths = {
        maxLength: chosen["max_length"] ?? 20,
        minLength: chosen["min_length"] ?? 0,
        repetitionPenalty: chosen["repetition_penalty"] ?? 1,
      };
      const image = { bytes: seededPicture(seeds[one.picture] as number, size) };
      const prefix = prefixes[one.prefix] as number[];
      const greedy = decodingSettings({ method: "greedy", ...lengths }, CAPTION_LENGTHS);
      const beam = decodingSettings(
        { method: "beam", beams: reference["beams"] as number, ...lengths },
        CAPTION_LENGTHS,
      );
      const [byGreedy] = await run({ kind: "captionImages", images: [image], prefix, settings: greedy });
      const [byBeam] = await run({ kind: "captionImages", images: [image], prefix, settings: beam });
      const label = `picture ${one.picture}, ${one.prefix}, ${one.options}`;
      expect(value<GeneratedTokens>(byGreedy).tokenIds, `greedy, ${label}`).toEqual(one.greedy.tokenIds);
      expect(value<GeneratedTokens>(byBeam).tokenIds, `beam, ${label}`).toEqual(one.beam.tokenIds);
    }
  });
}

for (const { name, weights } of ANSWERERS) {
  test(`answers as the reference does, greedy, beam and by ranking: ${name}`, async () => {
    const fixture = openFixture(name);
    const { run, blip } = await openTaskContext(fixture.folder + weights);
    const { reference } = fixture;
    const size = reference["imageSize"] as number;
    const pictures = (reference["pictureSeeds"] as number[]).map((seed) => ({ bytes: seededPicture(seed, size) }));
    const { specialTokens } = blip.tokenizer;
    const questions = reference["questions"] as { tokenIds: number[] }[];
    const pairs = reference["pairs"] as { picture: number; question: number; enc: Generation; cls: Generation }[];
    const beams = reference["beams"] as number;
    const ask = async (
      pair: (typeof pairs)[number],
      first: number,
      decoding: Parameters<typeof decodingSettings>[0],
    ) => {
      const ids = [first, ...(questions[pair.question] as { tokenIds: number[] }).tokenIds.slice(1)];
      const image = pictures[pair.picture] as (typeof pictures)[number];
      const settings = decodingSettings(decoding, ANSWER_LENGTHS);
      const task = {
        kind: "answerQuestions",
        questions: [{ image, ids }],
        decoding: { mode: "generate", settings },
      } as const;
      return value<GeneratedTokens>((await run(task))[0]).tokenIds;
    };
    for (const pair of pairs) {
      expect(await ask(pair, specialTokens.encode, { method: "greedy" })).toEqual(pair.enc.greedy.tokenIds);
      expect(await ask(pair, specialTokens.encode, { method: "beam", beams })).toEqual(pair.enc.beam.tokenIds);
      expect(await ask(pair, specialTokens.cls, { method: "greedy" })).toEqual(pair.cls.greedy.tokenIds);
    }
    const answers = (reference["answers"] as { tokenIds: number[] }[]).map((one) => one.tokenIds);
    const ranked = reference["ranked"] as {
      pair: number;
      bestByNll: number;
      candidates: number[];
      nllScores: number[];
    }[];
    for (const one of ranked) {
      const pair = pairs[one.pair] as (typeof pairs)[number];
      const ids = [specialTokens.encode, ...(questions[pair.question] as { tokenIds: number[] }).tokenIds.slice(1)];
      const image = pictures[pair.picture] as (typeof pictures)[number];
      const decoding = { mode: "rank", answers, candidates: reference["rankCandidates"] as number } as const;
      const best = value<GeneratedTokens>(
        (await run({ kind: "answerQuestions", questions: [{ image, ids }], decoding }))[0],
      );
      expect(best.answerIndex).toBe(one.bestByNll);
      const likelihoods = one.candidates.map((candidate) => Math.exp(one.nllScores[candidate] as number));
      const share = Math.max(...likelihoods) / likelihoods.reduce((sum, each) => sum + each, 0);
      expect(best.relativeProbability).toBeCloseTo(share, 3);
    }
  });
}

test("draws from the reference's nucleus: top 50, then the smallest set that reaches p", () => {
  const { reference, floats } = openFixture("captioner");
  const steps = reference["nucleus"] as {
    picture: number;
    tokenIds: number[];
    logitsScale: number;
    ids: number[];
    probabilities: number[];
  }[];
  const logits = floats("logitsAfterPrompt");
  const size = logits.length / 12;
  const first = steps.filter((step) => step.tokenIds.length === 4);
  expect(first.length).toBeGreaterThan(0);
  for (const step of first) {
    const row = logits.slice(step.picture * size, (step.picture + 1) * size).map((one) => one * step.logitsScale);
    for (const token of new Set(step.tokenIds)) {
      const score = row[token] as number;
      row[token] = score < 0 ? score * 1.1 : score / 1.1;
    }
    row[5] = Number.NEGATIVE_INFINITY; // the minimum length of 5 is not reached
    const got = nucleus(row, 50, 0.9);
    expect(got.map((one) => one.token)).toEqual(step.ids);
    for (const [index, one] of got.entries())
      expect(one.probability).toBeCloseTo(step.probabilities[index] as number, 4);
  }
});

// The same on trained weights: what everybody gets who gives no model of their own.
const BUNDLED = fileURLToPath(new URL("../../../assets/model/medley-small", import.meta.url));

test("gives the reference's embeddings and match logits with the bundled model's trained weights", async () => {
  const fixture = openFixture("bundled");
  const { file, sha256 } = fixture.reference["weights"] as { file: string; sha256: string };
  const found = createHash("sha256")
    .update(readFileSync(`${BUNDLED}/${file}`))
    .digest("hex");
  expect(found, "the model changed: run libs/blip/fixtures/make_real_reference.py").toBe(sha256);
  const { run, blip } = await openTaskContext(BUNDLED);
  const pictures = fixture.pictures();
  const texts = fixture.reference["texts"] as { text: string; tokenIds: number[] }[];
  const logits = fixture.reference["itmLogits"] as number[][][];
  const size = fixture.floats("imageFeatures").length / pictures.length;
  const featureOf = (key: string, index: number) => fixture.floats(key).slice(index * size, (index + 1) * size);
  const embedded = await run({ kind: "embedImages", images: pictures });
  for (const [p, one] of embedded.entries())
    expect(cosine(value(one), featureOf("imageFeatures", p))).toBeGreaterThan(0.9999);
  for (const [t, { text, tokenIds }] of texts.entries()) {
    expect(blip.tokenizer.encode(text, { first: "cls" })).toEqual(tokenIds);
    const [feature] = await run({ kind: "embedTexts", texts: [tokenIds] });
    expect(cosine(value(feature), featureOf("textFeatures", t))).toBeGreaterThan(0.9999);
    const itmIds = [blip.tokenizer.specialTokens.encode, ...tokenIds.slice(1)];
    const matches = await run({ kind: "matchImages", text: { itmIds, itcIds: tokenIds }, images: pictures });
    for (const [p, one] of matches.entries()) {
      const [noMatch, match] = logits[p]?.[t] as [number, number];
      expect(Math.abs(value<MatchLogits>(one).itmLogit - match)).toBeLessThan(1e-3);
      expect(Math.abs(value<MatchLogits>(one).itmNoMatchLogit - noMatch)).toBeLessThan(1e-3);
    }
  }
});

test("captions and answers as the reference does with the bundled model's trained weights", async () => {
  const fixture = openFixture("bundled");
  const { run, blip } = await openTaskContext(BUNDLED);
  const pictures = fixture.pictures();
  const { max_length: maxLength, min_length: minLength } = fixture.reference["captionOptions"] as Record<
    string,
    number
  >;
  const beams = fixture.reference["beams"] as number;
  const prefix = fixture.reference["captionPrefix"] as number[];
  const lengths = { maxLength: maxLength as number, minLength: minLength as number };
  const waysOf = (limits: object) => [
    ["greedy", { method: "greedy", ...limits }] as const,
    ["beam", { method: "beam", beams, ...limits }] as const,
  ];
  const captions = fixture.reference["captions"] as Pick<Generation, "greedy" | "beam">[];
  for (const [p, caption] of captions.entries()) {
    const images = [pictures[p] as (typeof pictures)[number]];
    for (const [way, decoding] of waysOf(lengths)) {
      const settings = decodingSettings(decoding, CAPTION_LENGTHS);
      const [written] = await run({ kind: "captionImages", images, prefix, settings });
      expect(value<GeneratedTokens>(written).tokenIds, `${way}, picture ${p}`).toEqual(caption[way].tokenIds);
    }
  }
  const questions = fixture.reference["questions"] as { tokenIds: number[] }[];
  const answers = fixture.reference["answers"] as (Pick<Generation, "picture" | "greedy" | "beam"> & {
    question: number;
  })[];
  for (const answer of answers) {
    const image = pictures[answer.picture] as (typeof pictures)[number];
    const ids = [blip.tokenizer.specialTokens.encode, ...(questions[answer.question]?.tokenIds.slice(1) ?? [])];
    for (const [way, decoding] of waysOf({})) {
      const settings = decodingSettings(decoding, ANSWER_LENGTHS);
      const asked = {
        kind: "answerQuestions",
        questions: [{ image, ids }],
        decoding: { mode: "generate", settings },
      } as const;
      const [said] = await run(asked);
      expect(value<GeneratedTokens>(said).tokenIds, `${way}, picture ${answer.picture}`).toEqual(answer[way].tokenIds);
    }
  }
});
