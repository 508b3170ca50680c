import { InferenceError } from "@medley/inference-api";
import type { Image } from "@medley/storage";
import { findImages } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evidenceOf } from "./evidence.ts";
import { searchPage } from "./search-page.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
let images: readonly Image[];

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
  images = await findImages(library.db, library.imageIds);
});
afterAll(async () => {
  await library?.[Symbol.asyncDispose]();
});

const image = (index = 0) => images[index] as Image;

test("answers in order, each with its peak, its box and the model that looked", async () => {
  const answers = await evidenceOf(library, [
    { image: image(0), word: "dog", texts: ["a dog"] },
    { image: image(1), word: " dog " },
  ]);
  const [retrieval] = await library.inference.models();
  expect(answers).toMatchObject([
    { image: { id: image(0).id }, word: "dog", text: "a dog", failure: null },
    { image: { id: image(1).id }, word: "dog", text: null, failure: null },
  ]);
  for (const answer of answers) {
    if (answer instanceof Error || answer.map === null) throw new Error("no map");
    const { values, columns, rows, peak, box, modelFingerprint } = answer.map;
    expect(modelFingerprint).toBe(retrieval?.fingerprint);
    const place = values.indexOf(1);
    expect(peak).toEqual({ x: ((place % columns) + 0.5) / columns, y: (Math.floor(place / columns) + 0.5) / rows });
    expect(box && box.left <= (peak?.x ?? -1) && box.left + box.width >= (peak?.x ?? 2)).toBe(true);
  }
});

test("takes the first text that has the word, and says when none has it", async () => {
  const texts = ["a cat", "a dog on grass", "a dog"];
  const [found, missing, nowhere] = await evidenceOf(library, [
    { image: image(), word: "dog", texts },
    { image: image(), word: "horse", texts },
    { image: image(), word: "", texts },
  ]);
  expect(found).toMatchObject({ text: "a dog on grass" });
  expect(missing).toMatchObject({ code: "WORD_NOT_IN_TEXT" });
  expect(nowhere).toMatchObject({ code: "INVALID_QUERY" });
  expect((await evidenceOf(library, [{ image: image(), word: "w".repeat(201) }]))[0]).toMatchObject({
    code: "INVALID_QUERY",
    message: expect.stringContaining("201 characters") as string,
  });
});

test("asks the engine once for a page of hits", async () => {
  let calls = 0;
  library.interrupt("mapEvidence", () => void (calls += 1));
  const answers = await evidenceOf(
    library,
    images.map((one) => ({ image: one, word: "dog", texts: ["a dog"] })),
  );
  library.interrupt("mapEvidence", null);
  expect(answers.map((one) => one instanceof Error || one.map === null)).toEqual([false, false, false]);
  expect(calls).toBe(1);
});

test("gives no map and the reason while the models are away, or have neither tokens nor bytes of a picture", async () => {
  const away = () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  };
  for (const method of ["mapEvidence", "models"]) {
    library.interrupt(method, away);
    const answers = await evidenceOf(library, [{ image: image(), word: "dog" }]);
    library.interrupt(method, null);
    expect(answers).toMatchObject([{ map: null, failure: { code: "UNAVAILABLE", retryable: true } }]);
  }
  const gone = { ...image(), sha256: "0".repeat(64) };
  const answers = await evidenceOf(library, [
    { image: gone, word: "dog" },
    { image: image(), word: "dog" },
  ]);
  expect(answers).toMatchObject([
    { map: null, failure: { code: "IMAGE_NOT_FOUND", retryable: false } },
    { failure: null },
  ]);
});

test("knows on every page which texts a hit was found for", async () => {
  const query = { corpus: library.corpus.name, all: [{ text: "a dog" }], none: [{ text: "beach" }], first: 1 };
  const page = await searchPage(library, query, null);
  expect(page.hits[0]?.texts).toEqual(["a dog", "beach"]);
  const next = await searchPage(library, query, page.hits[0]?.cursor ?? "");
  expect(next.hits[0]?.texts).toEqual(["a dog", "beach"]);
});
