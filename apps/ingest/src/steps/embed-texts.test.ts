import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Inference, InferenceError } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  addCaption,
  claimSteps,
  completeSteps,
  type Database,
  ensureCorpus,
  ensureSpace,
  openDatabase,
  planSteps,
  registerImage,
  stepCounts,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "../ingest-context.ts";
import { defaultRetry } from "../retry.ts";
import { embedOwnTexts } from "./embed-texts.ts";

const home = mkdtempSync(join(tmpdir(), "medley-embed-texts-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
let db: Database;
beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(() => db[Symbol.asyncDispose]());

let collections = 0;

/** A corpus of one picture with one text, prepared, and a way to run the step on it. */
async function newPicture(webText: string) {
  collections += 1;
  const name = `embed-texts-${process.pid}-${Date.now()}-${collections}`;
  const { id: corpusId } = await ensureCorpus(db, { name });
  const engine = createFakeInference({ readBlob: blobs.read });
  const [model] = await engine.models();
  const dimensions = model?.embeddingDimensions ?? 0;
  const { id: spaceId } = await ensureSpace(db, { fingerprint: name, name, dimensions, preprocessing: {} });
  const sha256 = collections.toString(16).padStart(64, "0");
  const image = { corpusId, sha256, origin: "/a/red_tower.png", attributes: {}, webText };
  const { imageId } = await registerImage(db, image);
  await planSteps(db, { corpusId, spaceId, steps: ["caption-embed"] });
  await completeSteps(db, { step: "prepare", spaceId: null, imageIds: [imageId] });
  const run = async (embedTexts: Inference["embedTexts"] = engine.embedTexts) => {
    const context: IngestContext = {
      db,
      inference: { ...engine, embedTexts },
      blobs,
      thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
      maxBytes: 1_000_000,
      maxPixels: 1_000_000,
      owner: name,
      signal: new AbortController().signal,
      retry: { ...defaultRetry, sleep: async () => {} },
      calibrationAttempts: new Map(),
    };
    const claim = { corpusId, step: "caption-embed", spaceId, limit: 9, leaseMs: 60_000, owner: name } as const;
    const [retrieval] = await engine.models();
    if (!retrieval) throw new Error("Bug: the fake engine serves no model");
    return embedOwnTexts(context, { spaceId, retrieval }, await claimSteps(db, claim));
  };
  const keys = async () =>
    (
      await db.query<{ key: string }>(
        `select coalesce(c.text, t.text_key) as key from text_embeddings t left join captions c on c.id = t.caption_id
         where t.image_id = $1::uuid order by 1`,
        [imageId],
      )
    ).map(({ key }) => key);
  const counts = async () => (await stepCounts(db, corpusId, spaceId))["caption-embed"];
  return { imageId, engine, run, keys, counts };
}

test("embeds the captions and the name of a picture", async () => {
  const { imageId, run, keys, counts } = await newPicture("a tower of bricks");
  expect(await run()).toEqual([{ imageId, state: "done" }]);
  expect(await keys()).toEqual(["a tower of bricks", "name:red tower"]);
  expect(await counts()).toMatchObject({ done: 1, pending: 0 });
});

test("comes back to a picture that gained a text while its others were embedded", async () => {
  const { imageId, engine, run, keys, counts } = await newPicture("a tower of bricks");
  await run(async (...call) => {
    await addCaption(db, { imageId, text: "our old tower", source: "HUMAN" });
    return engine.embedTexts(...call);
  });
  expect(await counts()).toMatchObject({ done: 0, pending: 1 });
  await run();
  expect(await keys()).toEqual(["a tower of bricks", "name:red tower", "our old tower"]);
  expect(await counts()).toMatchObject({ done: 1, pending: 0 });
});

test("asks the engine for a bounded number of texts at a time, however many a picture has", async () => {
  const { imageId, engine, run, counts } = await newPicture("text 0");
  for (let number = 1; number < 300; number += 1) {
    await addCaption(db, { imageId, text: `text ${number}`, source: "WEB" });
  }
  const sizes: number[] = [];
  await run((texts, options) => {
    sizes.push(texts.length);
    return engine.embedTexts(texts, options);
  });
  expect(Math.max(...sizes)).toBeLessThanOrEqual(128);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(301);
  expect(await counts()).toMatchObject({ done: 1, pending: 0 });
});

test("is done with a text that holds no word, and tries again where the engine failed", async () => {
  const { engine, run, keys, counts } = await newPicture("!!!");
  const failing: Inference["embedTexts"] = async (texts) =>
    texts.map(() => ({ ok: false, error: new InferenceError("ENGINE_FAILED", "The worker ended.") }));
  const [failed] = await run(failing);
  expect(failed?.state).toBe("later");
  await db.query("update image_steps set next_attempt_at = now() where step = 'caption-embed'");
  await run(async (texts, options) => {
    const outcomes = await engine.embedTexts(texts, options);
    const empty = new InferenceError("INVALID_TEXT", "The text is empty after clean-up.");
    return texts.map((text, index) => (text === "!!!" ? { ok: false, error: empty } : outcomes[index]!));
  });
  expect(await keys()).toEqual(["name:red tower"]);
  expect(await counts()).toMatchObject({ done: 1, pending: 0 });
});
