import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "@medley/inference-api";
import { expect, test } from "vitest";
import { createLocalInference } from "./local-inference.ts";
import { openModelSet } from "./model-set.ts";
import { openFixture, seededPicture } from "./testing/fixture.ts";
import { AWAY, preparedName } from "./testing/stored-pixels.ts";

function values<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((one) => {
    if (!one.ok) throw one.error;
    return one.value;
  });
}

async function openWithStore(name: string, more: { readonly prepared?: number; readonly cutOff?: boolean } = {}) {
  const { folder, reference } = openFixture(name);
  const sizePixels = reference["imageSize"] as number;
  const inference = await createLocalInference({
    modelSet: await openModelSet(folder),
    resources: {
      url: new URL("./testing/stored-pixels.ts", import.meta.url).href,
      settings: { count: 6, sizePixels, ...more },
    },
    graphDirectory: mkdtempSync(join(tmpdir(), "medley-graphs-")),
    workers: 1,
  });
  const pictures = Array.from({ length: 6 }, (_, index) => ({ bytes: seededPicture(index + 1, sizePixels) }));
  const named = pictures.map(({ bytes }) => ({ sha256: createHash("sha256").update(bytes).digest("hex") }));
  return { inference, pictures, named };
}

test("matches from stored float16 tokens as from fresh ones, within half precision", async () => {
  const { inference, pictures, named } = await openWithStore("retrieval-wide");
  await using engine = inference;
  values(await engine.embedImages(named));
  const fresh = values(await engine.matchImages("two dogs on the beach", pictures, { itcCosine: true }));
  expect(fresh.map((one) => one.tokensWereStored)).toEqual(pictures.map(() => false));
  for (const text of ["two dogs on the beach"]) {
    const stored = values(await engine.matchImages(text, named, { itcCosine: true }));
    expect(stored.map((one) => one.tokensWereStored)).toEqual(named.map(() => true));
    for (const [index, one] of stored.entries()) {
      expect(Math.abs(one.itmLogit - (fresh[index]?.itmLogit as number))).toBeLessThan(5e-3);
      expect(Math.abs((one.itcCosine as number) - (fresh[index]?.itcCosine as number))).toBeLessThan(1e-3);
    }
  }
  const byText = values(await engine.matchTexts(named[0] as (typeof named)[number], ["two dogs on the beach"]));
  expect(Math.abs((byText[0]?.itmLogit as number) - (fresh[0]?.itmLogit as number))).toBeLessThan(5e-3);
});

test("encodes a picture once when its tokens are missing, and says so when the picture is unknown", async () => {
  const { inference, named } = await openWithStore("retrieval-square");
  await using engine = inference;
  const outcomes = await engine.matchImages("a dog", [...named, { sha256: "0".repeat(64) }]);
  expect(values(outcomes.slice(0, -1)).map((one) => one.tokensWereStored)).toEqual(named.map(() => false));
  expect(outcomes.at(-1)).toMatchObject({ ok: false, error: { code: "IMAGE_NOT_FOUND", retryable: false } });
});

test("says of a picture whose store is away that it can be asked for later, and does the others", async () => {
  const { inference, named } = await openWithStore("retrieval-square");
  await using engine = inference;
  const [there, away] = await engine.embedImages([...named.slice(0, 1), { sha256: AWAY }]);
  expect(there).toMatchObject({ ok: true });
  const error = { code: "UNAVAILABLE", retryable: true, message: "The bucket does not answer." };
  expect(away).toMatchObject({ ok: false, error });
});

test("takes the pixels that somebody prepared before, and none that were cut off", async () => {
  const names = [1, 2, 3].map((seed) => ({ sha256: preparedName(seed) }));
  const { inference, pictures } = await openWithStore("retrieval-square", { prepared: 3 });
  await using engine = inference;
  expect(values(await engine.embedImages(names))).toEqual(values(await engine.embedImages(pictures.slice(0, 3))));
  const damaged = await openWithStore("retrieval-square", { prepared: 3, cutOff: true });
  await using other = damaged.inference;
  expect(await other.embedImages(names)).toMatchObject(names.map(() => ({ error: { code: "IMAGE_NOT_FOUND" } })));
});

test("captions and answers from stored tokens", async () => {
  const captioner = await openWithStore("captioner");
  await using captions = captioner.inference;
  const request = { decoding: { method: "greedy" } } as const;
  for (let round = 0; round < 2; round++) {
    const written = values(await captions.captionImages(captioner.named, request));
    expect(written.every((one) => one.tokenIds.length > 4)).toBe(true);
  }
  const answerer = await openWithStore("answerer");
  await using answers = answerer.inference;
  const questions = answerer.named.map((image) => ({ image, question: "what is this?" }));
  for (let round = 0; round < 2; round++) {
    const given = values(
      await answers.answerQuestions(questions, { mode: "generate", decoding: { method: "greedy" } }),
    );
    expect(given).toHaveLength(6);
  }
});
