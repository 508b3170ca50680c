import { addCaption, captionsOf, registerImage, replaceCaption, reviewCaption } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imagesWithHumanTexts } from "./human-texts.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
});

afterAll(() => library[Symbol.asyncDispose]());

test("gives every image of the corpus with what people wrote about it, and nothing that a model wrote", async () => {
  const { db, corpus } = library;
  const sha256 = "ab".repeat(32);
  const { imageId } = await registerImage(db, {
    corpusId: corpus.id,
    sha256,
    origin: "x.png",
    attributes: {},
    webText: "a dog",
  });
  await addCaption(db, { imageId, text: "two dogs", source: "HUMAN" });
  await addCaption(db, { imageId, text: "a brown dog", source: "SYNTHETIC", modelFingerprint: "f" });
  await addCaption(db, { imageId, text: "a dog", source: "HUMAN" });
  const found = await imagesWithHumanTexts(db, corpus.name);
  expect(found).toHaveLength(4);
  expect(found.find(({ image }) => image.id === imageId)?.texts).toEqual(["a dog", "two dogs"]);
});

test("leaves out sentences of a longer text, and what a person replaced or rejected", async () => {
  const { db, corpus } = library;
  const picture = { corpusId: corpus.id, sha256: "cd".repeat(32), origin: "y.png", attributes: {} };
  const { imageId } = await registerImage(db, { ...picture, webText: "a pear" });
  const [pear] = (await captionsOf(db, [imageId])).get(imageId) ?? [];
  await replaceCaption(db, { captionId: pear?.id ?? "", text: "a red apple", author: "ann" });
  const page = await addCaption(db, { imageId, text: "Our shop. A red apple on a table.", source: "WEB" });
  await addCaption(db, { imageId, text: "Our shop.", source: "WEB", partOf: page.id });
  const wrong = await addCaption(db, { imageId, text: "a lemon", source: "WEB" });
  await reviewCaption(db, { captionId: wrong.id, verdict: "REJECTED", reviewer: "ann" });
  const found = await imagesWithHumanTexts(db, corpus.name);
  expect(found.find(({ image }) => image.id === imageId)?.texts).toEqual(["a red apple", page.text]);
});

test("names a corpus that is not there", async () => {
  await expect(imagesWithHumanTexts(library.db, "nowhere")).rejects.toMatchObject({
    code: "CORPUS_NOT_FOUND",
    message: expect.stringContaining('"nowhere"'),
  });
});
