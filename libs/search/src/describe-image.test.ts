import { InferenceError } from "@medley/inference-api";
import { captionsOf, reviewCaption, saveTextEmbeddings } from "@medley/storage";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { classifyImage, describeImage } from "./describe-image.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
let imageId: string;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 6 });
  imageId = library.imageIds[0] ?? "";
  const { db, corpus, space, inference, imageIds } = library;
  const captions = await captionsOf(db, imageIds);
  const texts = imageIds.flatMap((id) => (captions.get(id) ?? []).map((caption) => ({ id, caption })));
  const vectors = await inference.embedTexts([...texts.map(({ caption }) => caption.text), "a lighthouse"]);
  const embeddingAt = (index: number) => {
    const outcome = vectors[index];
    if (!outcome?.ok) throw new Error("the fake engine refused a text");
    return outcome.value;
  };
  const rows = texts.map(({ id, caption }, index) => ({
    imageId: id,
    corpusId: corpus.id,
    text: caption.text,
    captionId: caption.id,
    embedding: embeddingAt(index),
  }));
  const names = imageIds.slice(0, 2).map((id) => ({
    imageId: id,
    corpusId: corpus.id,
    text: "a lighthouse",
    name: "a lighthouse",
    embedding: embeddingAt(texts.length),
  }));
  await saveTextEmbeddings(db, { spaceId: space.id, rows });
  await saveTextEmbeddings(db, { spaceId: space.id, rows: names });
});
afterAll(() => library?.[Symbol.asyncDispose]());
afterEach(() => library.interrupt("matchTexts", null));

test("gives the texts of the corpus that fit a picture, by both scores, each once however many pictures have it", async () => {
  const { texts, modelFingerprint } = await describeImage(library, { imageId, first: 64 });
  expect(modelFingerprint).toBe(library.space.fingerprint);
  expect(texts).toHaveLength(7);
  expect(texts.filter(({ text }) => text === "a lighthouse")).toMatchObject([{ captionId: null }]);
  const scores = texts.map(({ rerankScore }) => rerankScore);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  for (const { text, captionId, imageId: of, itcCosine, itmLogit, rerankScore } of texts) {
    expect(rerankScore).toBeCloseTo(itmLogit + itcCosine, 9);
    if (captionId === null) continue;
    const [caption] = (await captionsOf(library.db, [of])).get(of) ?? [];
    expect(caption).toMatchObject({ id: captionId, text });
  }
  expect((await describeImage(library, { imageId, first: 2 })).texts).toEqual(texts.slice(0, 2));
});

test("leaves out a text that a person rejected", async () => {
  const { texts } = await describeImage(library, { imageId, first: 64 });
  const captionId = texts.find((each) => each.captionId !== null)?.captionId ?? "";
  await reviewCaption(library.db, { captionId, verdict: "REJECTED", reviewer: "ann" });
  const left = (await describeImage(library, { imageId, first: 64 })).texts;
  expect(left.map((each) => each.captionId)).not.toContain(captionId);
  expect(left).toHaveLength(texts.length - 1);
});

test("judges each label by itself: another label changes nothing about the first", async () => {
  const one = await classifyImage(library, { imageId, labels: ["cat"] });
  const two = await classifyImage(library, { imageId, labels: [" dog ", "cat"] });
  expect(two.labels.find(({ label }) => label === "cat")).toEqual(one.labels[0]);
  expect(two.labels.map(({ label }) => label).sort()).toEqual(["cat", "dog"]);
  expect(one.labels[0]?.text).toBe("a picture of cat");
  const { labels } = await classifyImage(library, { imageId, labels: ["$&"], template: "{label}, {label}" });
  expect(labels[0]?.text).toBe("$&, $&");
});

test("names what is wrong with labels, templates and pictures", async () => {
  const classify = (query: object) => classifyImage(library, { imageId, labels: ["cat"], ...query });
  await expect(classify({ labels: [] })).rejects.toThrow("the number of labels is 0");
  await expect(classify({ labels: ["a", " "] })).rejects.toThrow("labels[1] is empty");
  await expect(classify({ template: "a picture" })).rejects.toThrow('"a picture" has no {label}');
  await expect(classify({ imageId: "nobody" })).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  await expect(describeImage(library, { imageId, first: 0 })).rejects.toThrow("first is 0");
});

test("passes on that the engine is away", async () => {
  library.interrupt("matchTexts", () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  });
  await expect(describeImage(library, { imageId, first: 1 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
