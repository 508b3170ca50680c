import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  beginCaptionRun,
  captionerOf,
  changePolicy,
  ensureActivePolicy,
  filterOf,
  filterRuleOf,
} from "@medley/capfilt";
import type { Inference } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  type Attributes,
  captionsOf,
  claimSteps,
  completeSteps,
  type Database,
  ensureCorpus,
  ensureSpace,
  openDatabase,
  planSteps,
  registerImage,
  type Step,
  stepCounts,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "../ingest-context.ts";
import { defaultRetry } from "../retry.ts";
import { png } from "../testing/pictures.ts";
import { captionImages } from "./caption.ts";
import { filterCaptions } from "./filter.ts";

const home = mkdtempSync(join(tmpdir(), "medley-caption-filter-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
const engine = createFakeInference({ readBlob: blobs.read });
let db: Database;
beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(() => db[Symbol.asyncDispose]());

const greedy = { decoding: { method: "greedy" }, prompt: null, captionsPerImage: 1 } as const;
const nucleus = { decoding: { method: "nucleus", topP: 0.9, seed: 1 }, prompt: null, captionsPerImage: 1 } as const;
let collections = 0;

/** A corpus of one embedded picture with a text, a run and a policy, and ways to do both steps on it. */
async function newPicture() {
  collections += 1;
  const name = `caption-filter-${process.pid}-${Date.now()}-${collections}`;
  const { id: corpusId } = await ensureCorpus(db, { name });
  const models = await engine.models();
  const [captioner, filter] = [captionerOf(models), filterOf(models)];
  if (!captioner || !filter) throw new Error("Bug: the fake engine lacks a role");
  const { id: spaceId } = await ensureSpace(db, { fingerprint: name, name, dimensions: 8, preprocessing: {} });
  const addPicture = async (number: number, attributes: Attributes = {}) => {
    const sha256 = await blobs.put(png(number));
    const image = { corpusId, sha256, origin: `/${number}.png`, attributes, webText: "a striped square" };
    const { imageId } = await registerImage(db, image);
    await planSteps(db, { corpusId, spaceId, steps: ["caption", "filter"] });
    await completeSteps(db, { step: "prepare", spaceId: null, imageIds: [imageId] });
    await completeSteps(db, { step: "embed", spaceId, imageIds: [imageId] });
    return imageId;
  };
  const imageId = await addPicture(collections);
  await beginCaptionRun(db, corpusId, captioner, greedy);
  await ensureActivePolicy(db, corpusId, filter);
  const contextOf = (inference: Inference): IngestContext => ({
    db,
    inference,
    blobs,
    thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
    maxBytes: 1_000_000,
    maxPixels: 1_000_000,
    owner: name,
    signal: new AbortController().signal,
    retry: { ...defaultRetry, sleep: async () => {} },
    calibrationAttempts: new Map(),
  });
  const claim = (step: Step) => claimSteps(db, { corpusId, step, spaceId, limit: 9, leaseMs: 60_000, owner: name });
  const target = { corpusId, spaceId };
  return {
    corpusId,
    captioner,
    filter,
    addPicture,
    caption: async (inference: Inference = engine, model = captioner) =>
      captionImages(contextOf(inference), { ...target, captioner: model }, await claim("caption")),
    judge: async (inference: Inference = engine, model = filter) =>
      filterCaptions(contextOf(inference), { ...target, filter: model }, await claim("filter")),
    captions: async () => (await captionsOf(db, [imageId])).get(imageId) ?? [],
    counts: async () => stepCounts(db, corpusId, spaceId),
  };
}

test("comes back to a picture when another run began while it was captioned", async () => {
  const { corpusId, captioner, caption, captions, counts } = await newPicture();
  await caption({
    ...engine,
    captionImages: async (...call) => {
      await beginCaptionRun(db, corpusId, captioner, nucleus);
      return engine.captionImages(...call);
    },
  });
  expect((await counts()).caption).toMatchObject({ done: 0, pending: 1 });
  await caption();
  expect((await counts()).caption).toMatchObject({ done: 1, pending: 0 });
  const written = (await captions()).filter(({ source }) => source === "SYNTHETIC");
  expect(written.map(({ decoding }) => decoding)).toEqual([greedy.decoding, nucleus.decoding]);
});

test("comes back to a picture when another policy began to count while it was judged", async () => {
  const { corpusId, filter, judge, captions, counts } = await newPicture();
  const rule = filterRuleOf({ keepFrom: { WEB: 1 } });
  await judge({
    ...engine,
    matchTexts: async (...call) => {
      await changePolicy(db, { corpusId, filter, rule });
      return engine.matchTexts(...call);
    },
  });
  expect((await counts()).filter).toMatchObject({ done: 0, pending: 1 });
  await judge();
  expect((await counts()).filter).toMatchObject({ done: 1, pending: 0 });
  expect(await captions()).toMatchObject([{ verdict: "REJECTED", reason: "BELOW_THRESHOLD" }]);
});

test("stops with one sentence when another process serves other models to the corpus, and leaves the steps open", async () => {
  const { captioner, filter, caption, judge, counts } = await newPicture();
  const other = { fingerprint: "f".repeat(64), name: "another" };
  await expect(caption(engine, { ...captioner, ...other })).rejects.toThrow('another captioner than "another"');
  await expect(judge(engine, { ...filter, ...other })).rejects.toThrow('another filter than "another"');
  const { caption: open, filter: openFilter } = await counts();
  expect([open.done, openFilter.done]).toEqual([0, 0]);
});

test("starts each caption from the picture's own attributes, and the ledger keeps the very prompt", async () => {
  const { corpusId, captioner, caption, captions, addPicture } = await newPicture();
  const ids = [await addPicture(9001, { category: "coat" }), await addPicture(9002, { category: ["hat", "scarf"] })];
  await beginCaptionRun(db, corpusId, captioner, { ...greedy, prompt: "a picture of {category}" });
  const asked: [string | undefined, number][] = [];
  await caption({
    ...engine,
    captionImages: async (images, request, call) => {
      asked.push([request.prompt, images.length]);
      return engine.captionImages(images, request, call);
    },
  });
  expect(asked.toSorted()).toEqual([
    [undefined, 1],
    ["a picture of coat", 1],
    ["a picture of hat and scarf", 1],
  ]);
  const byImage = await captionsOf(db, ids);
  const written = ids.map((id) => byImage.get(id)?.find(({ source }) => source === "SYNTHETIC"));
  expect(written.map((each) => each?.prompt)).toEqual(["a picture of coat", "a picture of hat and scarf"]);
  expect(written[0]?.text).toMatch(/^coat \S/);
  expect(written[1]?.text).toMatch(/^hat and scarf \S/);
  expect((await captions()).find(({ source }) => source === "SYNTHETIC")?.prompt).toBeNull();
});

test("refuses a prompt whose braces name no attribute", async () => {
  const { corpusId, captioner } = await newPicture();
  const begun = beginCaptionRun(db, corpusId, captioner, { ...greedy, prompt: "a picture of {" });
  await expect(begun).rejects.toMatchObject({ code: "INVALID_RUN" });
});
