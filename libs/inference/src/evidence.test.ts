import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EvidenceMap, EvidenceRequest, Inference, Outcome } from "@medley/inference-api";
import { expect, test } from "vitest";
import { createLocalInference } from "./local-inference.ts";
import { openModelSet } from "./model-set.ts";
import { openFixture, openTaskContext, seededPicture } from "./testing/fixture.ts";

interface EvidenceCase {
  readonly picture: number;
  readonly text: string;
  readonly tokenIds: number[];
  readonly attentions: { readonly file: string; readonly shape: readonly [number, number, number, number] };
}

const BUNDLED = fileURLToPath(new URL("../../../assets/model/medley-small", import.meta.url));
const evidence = openFixture("evidence");
const models = evidence.reference["models"] as {
  checkpoint: string;
  weightsSha256?: string;
  cases: EvidenceCase[];
}[];

test.each(models)(
  "looks where transformers' eager attention looks, in every layer and head: $checkpoint",
  async (model) => {
    const fixture = openFixture(model.checkpoint);
    const path = model.weightsSha256 ? BUNDLED : fixture.folder;
    if (model.weightsSha256) {
      const found = createHash("sha256")
        .update(readFileSync(join(path, "pytorch_model.bin")))
        .digest("hex");
      expect(found, "the model changed: run libs/blip/fixtures/make_evidence_references.py").toBe(model.weightsSha256);
    }
    const { run, blip } = await openTaskContext(path);
    const pictures = fixture.pictures();
    for (const one of model.cases) {
      const [layers, heads, length, tokens] = one.attentions.shape;
      expect(blip.tokenizer.encode(one.text, { first: "enc" })).toEqual(one.tokenIds);
      const wanted = evidence.floatsOf(one.attentions);
      const means = new Float32Array(length * length);
      for (let row = 0; row < length; row += 1) means[row * length + row] = 1;
      for (let layer = 0; layer < layers; layer += 1) {
        // Two pictures in a batch: the rows of one must not reach the other.
        const images = [pictures[one.picture], pictures[(one.picture + 1) % pictures.length]] as typeof pictures;
        const [result] = await run({ kind: "attentionMeans", ids: one.tokenIds, means, layer, images });
        if (!result?.ok) throw new Error(result?.message);
        const size = heads * length * tokens;
        const expected = wanted.subarray(layer * size, (layer + 1) * size);
        const got = result.value as Float32Array;
        expect(got).toHaveLength(size);
        expect(Math.max(...got.map((value, index) => Math.abs(value - (expected[index] as number))))).toBeLessThan(
          1e-4,
        );
      }
    }
  },
);

const SIDE = 3; // 42 px, patches of 14
const picture = (seed: number) => ({ bytes: seededPicture(seed, 42) });

async function open(setting: object | undefined): Promise<Inference> {
  const folder = mkdtempSync(join(tmpdir(), "medley-evidence-"));
  const file = join(folder, "medley.models.json");
  const retrieval = { checkpoint: openFixture("retrieval-wide").folder };
  writeFileSync(file, JSON.stringify({ name: "test", roles: { retrieval }, evidence: setting }));
  return await createLocalInference({
    modelSet: await openModelSet(file),
    resources: { url: new URL("./testing/raw-pixels.ts", import.meta.url).href, settings: {} },
    graphDirectory: folder,
    workers: 1,
  });
}

function mapOf(outcome: Outcome<EvidenceMap> | undefined): EvidenceMap {
  if (outcome?.ok) return outcome.value;
  throw outcome?.error ?? new Error("no outcome");
}

const ATTENTION = { method: "crossAttention", layer: 1, heads: [2, 0], contrast: "difference" };

test("makes a map of the word's attention less that of the other tokens, over the chosen heads", async () => {
  const fixture = openFixture("retrieval-wide");
  const [one] = models.find(({ checkpoint }) => checkpoint === "retrieval-wide")?.cases ?? [];
  if (!one) throw new Error("no case");
  const [, heads, length, tokens] = one.attentions.shape;
  const all = evidence.floatsOf(one.attentions);
  const places = one.tokenIds.flatMap((_, place) => (place === 9 ? [place] : [])); // "dog"
  const at = (head: number, place: number, token: number) =>
    all[((heads + head) * length + place) * tokens + token] as number; // layer 1
  const expected = Array.from({ length: SIDE * SIDE }, (_, patch) => {
    const mean = (some: number[]) =>
      some.reduce((sum, place) => sum + (at(0, place, patch + 1) + at(2, place, patch + 1)) / 2, 0) / some.length;
    return mean(places) - mean(one.tokenIds.map((_, place) => place).filter((place) => !places.includes(place)));
  });
  const [least, greatest] = [Math.min(...expected), Math.max(...expected)];
  await using inference = await open(ATTENTION);
  const image = fixture.pictures()[one.picture] as ReturnType<typeof picture>;
  const map = mapOf((await inference.mapEvidence([{ image, word: "Dog!", text: one.text }]))[0]);
  expect(map).toMatchObject({ rows: SIDE, columns: SIDE, method: "crossAttention" });
  for (const [patch, value] of map.values.entries()) {
    expect(value).toBeCloseTo(((expected[patch] as number) - least) / (greatest - least), 2);
  }
});

test.each([
  ["by attention", ATTENTION],
  ["by cosines", { method: "patchCosine" }],
  ["by default", undefined],
])("gives the same map for a picture alone and among others, %s", async (_how, setting) => {
  await using inference = await open(setting);
  const requests = [1, 2, 3, 4].map((seed): EvidenceRequest => ({ image: picture(seed), word: "dog", text: "a dog" }));
  const other: EvidenceRequest = { image: picture(3), word: "house", text: "a dog near the house" };
  const [alone] = await inference.mapEvidence([requests[2] as EvidenceRequest]);
  const together = await inference.mapEvidence([requests[0], other, ...requests.slice(1)] as EvidenceRequest[]);
  const maps = together.map(mapOf);
  const difference = mapOf(alone).values.map((value, index) => value - (maps[3]?.values[index] as number));
  expect(Math.max(...difference.map(Math.abs))).toBeLessThan(1e-3);
  expect(maps[1]?.values).not.toEqual(maps[3]?.values);
  for (const { values } of maps) expect([Math.min(...values), Math.max(...values)]).toEqual([0, 1]);
});

test("compares the word's embedding with each patch, made as that of [CLS]", async () => {
  await using inference = await open({ method: "patchCosine" });
  const [found] = await inference.mapEvidence([{ image: picture(5), word: "dog" }]);
  const { model, images, blip } = await openTaskContext(openFixture("retrieval-wide").folder);
  const tokens = await images.tokens(model, picture(5));
  const ids = blip.tokenizer.encode("a picture of dog", { first: "cls" });
  const { run } = await openTaskContext(openFixture("retrieval-wide").folder);
  const [text] = await run({ kind: "embedTexts", texts: [ids] });
  // A picture whose [CLS] token is the patch: its cosine with the text is what `matchImages` would tell.
  const cosines = [];
  for (let patch = 1; patch <= SIDE * SIDE; patch += 1) {
    const { Tensor } = await import("onnxruntime-node");
    const width = model.reference.vision.width;
    const row = (tokens.data as Float32Array).slice(patch * width, (patch + 1) * width);
    const output = await model.run("tokenEmbedding", { cls: new Tensor("float32", row, [1, width]) });
    const embedding = output["embedding"]?.data as Float32Array;
    const word = (text as { value: Float32Array }).value;
    cosines.push(embedding.reduce((sum, value, index) => sum + value * (word[index] as number), 0));
  }
  const map = mapOf(found);
  expect(map.peakCosine).toBeCloseTo(Math.max(...cosines), 5);
  const [least, greatest] = [Math.min(...cosines), Math.max(...cosines)];
  for (const [patch, value] of map.values.entries()) {
    expect(value).toBeCloseTo(((cosines[patch] as number) - least) / (greatest - least), 4);
  }
});

test("says which words there are when the text does not have the word, and which it reads when the word stands behind them", async () => {
  await using inference = await open(undefined);
  const long = `${"a b c d e f g h i j k l m n o ".repeat(2)}`;
  const outcomes = await inference.mapEvidence([
    { image: picture(1), word: "cat", text: "two dogs on a beach" },
    { image: picture(1), word: "do", text: "two dogs" },
    { image: picture(1), word: "zebra crossing", text: `${long.slice(0, 52)} zebra crossing` },
    { image: picture(1), word: "dogs", text: "two dogs" },
  ]);
  const messages = outcomes.map((one) => (one.ok ? "" : `${one.error.code} ${one.error.message}`));
  expect(messages[0]).toContain("WORD_NOT_IN_TEXT");
  expect(messages[0]).toContain('does not have the word "cat". Name one of its words: two dogs on a beach');
  expect(messages[1]).toContain("WORD_NOT_IN_TEXT");
  expect(messages[2]).toContain("only behind what the model reads");
  expect(messages[3]).toBe("");
});

test.each([
  [{ method: "gradCam" }, '"evidence.method" is "gradCam"'],
  [{ method: "crossAttention", layer: 2 }, '"evidence.layer" is 2, expected a layer from 0 to 1'],
  [{ method: "crossAttention", layer: 0, heads: [3] }, "a list of heads from 0 to 2"],
  [{ method: "crossAttention", layer: 0, contrast: "none" }, '"evidence.contrast" is "none"'],
  [{ method: "patchCosine", layer: 0 }, "beside a layer or heads"],
  [{ method: "patchCosine", head: 0 }, '"evidence.head" is 0'],
  ["patchCosine", "expected an object"],
])("refuses the setting %j", async (setting, message) => {
  await expect(open(setting as object)).rejects.toThrow(message);
});
