import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmbedOptions, Inference, Match, Outcome } from "@medley/inference-api";
import { createFakeInference, FAKE_FINGERPRINT, fakeFingerprint } from "@medley/inference-api/testing";
import { sha256Hex } from "@medley/media";
import { calibrateSearch, searchImages } from "@medley/search";
import {
  activeSpace,
  cancelOperation,
  captionsOf,
  countEmbeddings,
  type Database,
  ensureSpace,
  findCorpus,
  findOperation,
  findReindex,
  listImages,
  newestCalibration,
  openDatabase,
  pauseCorpus,
  requestReindex,
  retireSpace,
  resumeCorpus,
  saveModel,
  spacesOf,
  spaceToRollBackTo,
  stepCounts,
  switchSpace,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "../ingest-context.ts";
import { defaultRetry } from "../retry.ts";
import { runIngest } from "../run-ingest.ts";
import { openSource } from "../scan/scan-source.ts";
import { png } from "../testing/pictures.ts";
import { sourceOptions } from "../testing/source-options.ts";
import { runReindex } from "./run-reindex.ts";

const home = mkdtempSync(join(tmpdir(), "medley-reindex-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
const thumbnails = openVariantStore({ directory: join(home, "thumbnails") });
let db: Database;

beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(() => db[Symbol.asyncDispose]());

/** Texts beside pictures, and the pictures that they were written for. */
const pictureOfText = new Map<string, string>();
const GOOD = fakeFingerprint("/models/good");
const BAD = fakeFingerprint("/models/bad");

/** A fake engine that finds a picture by its own text, with every model but the bad one. */
function createEngine(before: (method: string) => void | Promise<void> = () => {}): Inference {
  const fake = createFakeInference({ readBlob: blobs.read, before });
  const knows = ({ model }: EmbedOptions = {}) => model !== BAD;
  return {
    ...fake,
    async embedTexts(texts, call) {
      const plain = await fake.embedTexts(texts, call);
      return await Promise.all(
        texts.map(async (text, index) => {
          const sha256 = pictureOfText.get(text);
          if (sha256 === undefined || !knows(call)) return plain[index] as Outcome<Float32Array>;
          return (await fake.embedImages([{ sha256 }], call))[0] as Outcome<Float32Array>;
        }),
      );
    },
    matchImages: async (text, images) => images.map((image) => matchOf(text, image)),
    matchTexts: async (image, texts, call) => {
      await fake.matchTexts(image, texts.slice(0, 1), call);
      return texts.map((text) => matchOf(text, image));
    },
  };
}

function matchOf(text: string, image: object): Outcome<Match> {
  const fits = "sha256" in image && pictureOfText.get(text) === image.sha256;
  // Some of the wrong ones look right, as they do to a real model.
  const itmLogit = fits || text.length % 7 === 0 ? 4 : -4;
  return { ok: true, value: { itmLogit, itmNoMatchLogit: -itmLogit, itcCosine: fits ? 0.9 : 0 } };
}

function contextOf(inference: Inference, more: Partial<IngestContext> = {}): IngestContext {
  return {
    db,
    inference,
    blobs,
    thumbnails,
    maxBytes: 1_000_000,
    maxPixels: 100_000_000,
    owner: `test-${Math.random()}`,
    signal: new AbortController().signal,
    retry: { ...defaultRetry, sleep: (milliseconds) => defaultRetry.sleep(Math.min(milliseconds, 20)) },
    calibrationAttempts: new Map(),
    ...more,
  };
}

let pictures = 0;
let corpora = 0;

/** A corpus of pictures with texts of their own, ingested with the model of the set. */
async function newCorpus({ images = 24, engine = createEngine() } = {}) {
  const name = `reindex-${process.pid}-${Date.now()}-${(corpora += 1)}`;
  const add = async (count: number, by = engine) => {
    const folder = mkdtempSync(join(tmpdir(), "medley-reindex-pictures-"));
    for (let index = 0; index < count; index += 1) {
      pictures += 1;
      const [bytes, text] = [png(1000 + pictures), `a drawing that is number ${pictures}`];
      writeFileSync(join(folder, `${pictures}.png`), bytes);
      writeFileSync(join(folder, `${pictures}.txt`), text);
      pictureOfText.set(text, sha256Hex(bytes));
    }
    const listener = {
      onRegistration() {},
      onFailedImage() {},
      onProgress() {},
      onNote: (note: string) => notes.push(note),
    };
    const findings = await openSource(folder, sourceOptions());
    const request = { corpus: name, findings, captions: true, calibration: false, retryFailed: false };
    return await runIngest(contextOf(by), request, listener);
  };
  const notes: string[] = [];
  await add(images);
  const corpus = await findCorpus(db, name);
  const older = corpus && (await activeSpace(db, corpus.id));
  if (!corpus || !older) throw new Error("Bug: the ingest made no corpus");
  const request = async (fingerprint: string, forced = false) => {
    const checkpoint = fingerprint === GOOD ? "/models/good" : "/models/bad";
    await saveModel(db, { fingerprint, name: checkpoint, checkpoint, itcWeight: 1 });
    const { id: spaceId } = await ensureSpace(db, {
      fingerprint,
      name: checkpoint,
      dimensions: 8,
      preprocessing: { imageSizePixels: 64 },
    });
    const { id } = await db.transaction((tx) => requestReindex(tx, { corpusId: corpus.id, spaceId, forced }));
    return { operationId: id, spaceId };
  };
  const reindex = (context = contextOf(engine)) =>
    runReindex(context, { corpusId: corpus.id }, { onProgress() {}, onNote: (note) => notes.push(note) });
  return { name, corpusId: corpus.id, older: older.id, engine, add, request, reindex, notes };
}

const activeId = async (corpusId: string) => (await activeSpace(db, corpusId))?.id;

test("moves a corpus into the space of a registered model, and searches answer with that model", async () => {
  const { name, corpusId, older, engine, request, reindex } = await newCorpus();
  expect(await reindex()).toBeNull();
  await calibrateSearch({ db, inference: engine }, { corpusId, spaceId: older, images: 24, seed: 0 });
  const texts = [...pictureOfText.keys()];
  const captionsBefore = await allCaptions(corpusId);
  const { operationId, spaceId } = await request(GOOD);
  expect(await reindex()).toBe("DONE");
  expect(await activeId(corpusId)).toBe(spaceId);
  expect(await findOperation(db, operationId)).toMatchObject({
    state: "SUCCEEDED",
    counts: { embedDone: 24, embedFailed: 0, embedOpen: 0, stepsTotal: 48 },
  });
  expect((await findReindex(db, operationId))?.comparison).toMatchObject({
    coverage: { wanted: 24, missing: 0 },
    index: { mode: "exact", recall: 1 },
    queries: 24,
    before: { recallAt1: 1, rerankedAt1: 1 },
    after: { recallAt1: 1, rerankedAt1: 1 },
    objections: [],
  });
  // Where searches gave probabilities they go on doing so.
  expect(await newestCalibration(db, { corpusId, spaceId })).not.toBeNull();
  const { hits, report } = await searchImages(
    { db, inference: engine },
    { corpus: name, all: [{ text: texts.at(-1) ?? "" }] },
  );
  expect(hits[0]?.sha256).toBe(pictureOfText.get(texts.at(-1) ?? ""));
  expect(report).toMatchObject({ modelFingerprint: GOOD, spaceId, degraded: [] });
  // Captions belong to the corpus: none is written again.
  expect(await allCaptions(corpusId)).toEqual(captionsBefore);
  expect((await stepCounts(db, corpusId, spaceId)).caption).toMatchObject({ done: 24, total: 24 });
});

test("keeps a corpus where it is when the new model finds less, and moves it when it is forced to", async () => {
  const { corpusId, older, request, reindex, notes } = await newCorpus();
  const { operationId, spaceId } = await request(BAD);
  expect(await reindex()).toBe("REFUSED");
  expect(await activeId(corpusId)).toBe(older);
  expect(await findOperation(db, operationId)).toMatchObject({
    state: "FAILED",
    errorCode: "GATE_REFUSED",
    errorMessage: expect.stringMatching(
      /Of 24 pictures asked for by their own texts, \d+ no longer stand among the nearest 10/,
    ),
  });
  expect(notes.at(-1)).toContain("force the change to make it all the same");
  expect(await reindex()).toBeNull();
  const again = await request(BAD, true);
  expect(again.spaceId).toBe(spaceId);
  expect(await reindex()).toBe("DONE");
  expect(await activeId(corpusId)).toBe(spaceId);
});

test("refuses a change that too few texts can be asked about", async () => {
  const { corpusId, older, request, reindex } = await newCorpus({ images: 3 });
  const { operationId } = await request(GOOD);
  expect(await reindex()).toBe("REFUSED");
  expect((await findOperation(db, operationId))?.errorMessage).toContain("Only 3 pictures have a text of people");
  expect(await activeId(corpusId)).toBe(older);
});

test("brings pictures that come later into both spaces, so that the corpus can go back with all of them", async () => {
  const { corpusId, older, add, request, reindex } = await newCorpus();
  const { spaceId } = await request(GOOD);
  await add(2);
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(26);
  expect(await reindex()).toBe("DONE");
  // The engine was started again and knows its model set alone.
  await add(2, createEngine());
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(28);
  expect(await countEmbeddings(db, older, corpusId)).toBe(28);
  expect(await spaceToRollBackTo(db, corpusId)).toBe(older);
  const back = { corpusId, fromSpaceId: spaceId, spaceId: older, mayMiss: 0 };
  expect(await db.transaction((tx) => switchSpace(tx, back))).toEqual({ switched: true, missing: 0 });
  await db.transaction((tx) => retireSpace(tx, { corpusId, spaceId }));
  await add(1);
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(0);
  expect((await activeSpace(db, corpusId))?.fingerprint).toBe(FAKE_FINGERPRINT);
});

test("goes on where a worker left a reindex, and twice in hand it is done once", async () => {
  const stop = new AbortController();
  let embeds = 0;
  const { corpusId, engine, request, reindex } = await newCorpus({ images: 40 });
  const dying = createEngine((method) => {
    if (method === "embedImages" && (embeds += 1) === 2) stop.abort();
  });
  const { operationId, spaceId } = await request(GOOD);
  expect(await reindex(contextOf(dying, { signal: stop.signal }))).toBe("LEFT");
  expect((await findOperation(db, operationId))?.state).toBe("RUNNING");
  const outcomes = await Promise.all([reindex(contextOf(engine)), reindex(contextOf(engine))]);
  expect(outcomes.toSorted()).toEqual(["DONE", null]);
  expect(await activeId(corpusId)).toBe(spaceId);
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(40);
});

test("stops for whoever cancels it or pauses the corpus, and the corpus stays where it is", async () => {
  let act = async () => {};
  const { corpusId, older, request, reindex } = await newCorpus({ images: 40 });
  const slow = createEngine(async (method) => {
    if (method !== "embedImages") return;
    await act();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  });
  await request(GOOD);
  act = async () => void (await pauseCorpus(db, corpusId));
  expect(await reindex(contextOf(slow))).toBe("LEFT");
  expect(await reindex(contextOf(slow))).toBeNull();
  await resumeCorpus(db, corpusId);
  const [{ id: operationId }] = (await db.query<{ id: string }>(
    "select operation_id as id from reindexes where corpus_id = $1",
    [corpusId],
  )) as [{ id: string }];
  act = async () => void (await db.transaction((tx) => cancelOperation(tx, operationId)));
  expect(await reindex(contextOf(slow))).toBe("LEFT");
  expect(await activeId(corpusId)).toBe(older);
  expect(await spacesOf(db, corpusId)).toMatchObject([{ state: "RETIRED" }, { state: "ACTIVE" }]);
});

test("says which model is missing when its checkpoint is gone, and the corpus stays where it is", async () => {
  const { corpusId, older, reindex } = await newCorpus();
  const [fingerprint, checkpoint] = [fakeFingerprint("/missing"), "/missing"];
  await saveModel(db, { fingerprint, name: checkpoint, checkpoint, itcWeight: 1 });
  const model = { fingerprint, name: checkpoint, dimensions: 8, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, model);
  const { id } = await db.transaction((tx) => requestReindex(tx, { corpusId, spaceId, forced: true }));
  expect(await reindex()).toBe("FAILED");
  expect(await findOperation(db, id)).toMatchObject({ errorCode: "MODEL_MISSING" });
  expect(await activeId(corpusId)).toBe(older);
});

async function allCaptions(corpusId: string) {
  const images = await listImages(db, corpusId, { limit: 100 });
  const captions = await captionsOf(
    db,
    images.map(({ id }) => id),
  );
  return [...captions.values()].flat().map(({ id, verdict }) => [id, verdict]);
}
