import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Inference, InferenceError, type ModelInfo } from "@medley/inference-api";
import { createFakeInference, FAKE_FINGERPRINT } from "@medley/inference-api/testing";
import { searchImages } from "@medley/search";
import {
  activeCaptionRun,
  activeFilterPolicy,
  activeSpace,
  addCaption,
  cancelOperation,
  captionsOf,
  countEmbeddings,
  createVectorIndex,
  ensureCorpus,
  explainCaption,
  findCorpus,
  findImages,
  findOperation,
  findUpkeep,
  listCaptionRuns,
  listImages,
  pauseCorpus,
  requestUpkeep,
  resumeCorpus,
  retryFailedSteps,
  reviewCaption,
  revertCaptionRun,
  stepCounts,
  type UpkeepRequest,
  vectorIndexesOf,
} from "@medley/storage";
import { openVariantStore } from "@medley/storage/blobs";
import { openTokenStore } from "@medley/storage/tokens";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "../ingest-context.ts";
import { THUMBNAIL_VARIANT } from "../steps/prepare.ts";
import { folderOf, openIngestForTest } from "../testing/ingest-for-test.ts";
import { png } from "../testing/pictures.ts";
import { runUpkeep } from "./run-upkeep.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench.db[Symbol.asyncDispose]());

const tokensOf = () => openTokenStore({ directory: join(bench.home, "tokens") });

interface EngineChanges {
  readonly before?: (method: string) => Promise<void> | void;
  /** What every caption ends with: another captioner in effect, with the same fingerprint. */
  readonly ending?: string;
  readonly filterFingerprint?: string;
}

/** A fake engine that keeps image tokens in a store, as the real one does. */
function createEngine({ before = () => {}, ending = "", filterFingerprint }: EngineChanges = {}): Inference {
  const fake = createFakeInference({ readBlob: bench.blobs.read, before });
  return {
    ...fake,
    async models() {
      const models = await fake.models();
      const fingerprintOf = ({ role, fingerprint }: ModelInfo) =>
        role === "filter" && filterFingerprint !== undefined ? filterFingerprint : fingerprint;
      return models.map((model) => ({ ...model, fingerprint: fingerprintOf(model) }));
    },
    async embedImages(images, call) {
      const store = tokensOf();
      for (const image of images) {
        if (!("sha256" in image)) continue;
        const tokens = { data: Uint16Array.of(1, 2, 3, 4), tokens: 2, width: 2 };
        await store.write(FAKE_FINGERPRINT, image.sha256, tokens);
      }
      return await fake.embedImages(images, call);
    },
    async captionImages(images, request, call) {
      const outcomes = await fake.captionImages(images, request, call);
      return outcomes.map((outcome) =>
        outcome.ok ? { ...outcome, value: { ...outcome.value, text: `${outcome.value.text}${ending}` } } : outcome,
      );
    },
  };
}

const contextOf = (inference: Inference, more: Partial<IngestContext> = {}): IngestContext => ({
  ...bench.contextOf({ inference }),
  tokens: tokensOf(),
  ...more,
});

let pictures = 7000;
async function newCorpus(count: number, { captions = true } = {}) {
  const corpus = bench.newCorpus();
  const names = Array.from({ length: count }, () => (pictures += 1));
  const files = names.flatMap((name) => [
    [`${name}.png`, png(name)] as const,
    [`${name}.txt`, `a drawing number ${name}`] as const,
  ]);
  const engine = createEngine();
  await bench.ingest(corpus, folderOf(Object.fromEntries(files)), { captions, inference: engine });
  const corpusId = (await findCorpus(bench.db, corpus))?.id ?? "";
  const spaceId = (await activeSpace(bench.db, corpusId))?.id ?? "";
  const images = await listImages(bench.db, corpusId, { limit: 1000 });
  return { corpus, corpusId, spaceId, images, imageIds: images.map(({ id }) => id) };
}

async function request(corpusId: string, asked: Omit<UpkeepRequest, "corpusId">): Promise<string> {
  return (await bench.db.transaction((tx) => requestUpkeep(tx, { corpusId, ...asked }))).id;
}

const notes: string[] = [];
const work = (corpusId: string, inference = createEngine(), more: Partial<IngestContext> = {}) =>
  runUpkeep(contextOf(inference, more), { corpusId }, { onProgress: () => {}, onNote: (note) => notes.push(note) });

async function upkeep(corpusId: string, asked: Omit<UpkeepRequest, "corpusId">, inference = createEngine()) {
  const operationId = await request(corpusId, asked);
  const outcome = await work(corpusId, inference);
  const operation = await findOperation(bench.db, operationId);
  return { operationId, outcome, operation, counts: operation?.counts ?? {} };
}

const syntheticOf = async (imageId: string) =>
  ((await captionsOf(bench.db, [imageId])).get(imageId) ?? []).filter(({ source }) => source === "SYNTHETIC");

test("finds everything that is gone, says so first without touching it, and brings it back", async () => {
  const { corpusId, spaceId, images, imageIds } = await newCorpus(8);
  const [vector, thumbnail, token, torn, text, unplanned] = imageIds as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const sha = (imageId: string) => images.find(({ id }) => id === imageId)?.sha256 ?? "";
  const thumbnails = openVariantStore({ directory: join(bench.home, "thumbnails") });
  const { db } = bench;
  await db.query("delete from embeddings where image_id = $1::uuid", [vector]);
  await thumbnails.remove(sha(thumbnail), THUMBNAIL_VARIANT);
  await tokensOf().delete(FAKE_FINGERPRINT, sha(token));
  const path = join(bench.home, "tokens", FAKE_FINGERPRINT, sha(torn).slice(0, 2), sha(torn).slice(2, 4));
  const file = join(path, `${sha(torn)}.tokens`);
  writeFileSync(file, readFileSync(file).fill(0, 33));
  await db.query("delete from text_embeddings where image_id = $1::uuid", [text]);
  await db.query("delete from image_steps where image_id = $1::uuid and step in ('embed', 'filter')", [unplanned]);
  const missing = {
    prepareMissing: 1,
    embedMissing: 4,
    "caption-embedMissing": 1,
    captionMissing: 0,
    filterMissing: 1,
    tokensMissing: 2,
  };
  const dry = await upkeep(corpusId, { kind: "REFILL", dryRun: true });
  expect(dry).toMatchObject({ outcome: "DONE", counts: { ...missing, imagesLooked: 8, imagesTotal: 8 } });
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(7);
  expect((await stepCounts(db, corpusId, spaceId)).embed).toMatchObject({ done: 7, total: 7 });

  // The dry run found out where the engine keeps tokens by asking it for one picture.
  const whole = await upkeep(corpusId, { kind: "REFILL" });
  expect(whole).toMatchObject({ outcome: "DONE", operation: { state: "SUCCEEDED" } });
  expect(whole.counts).toMatchObject({ embedFailed: 0, embedOpen: 0, prepareDone: 1, filterDone: 1, scanned: 1 });
  expect(whole.counts["stepsEnded"]).toBe(whole.counts["stepsTotal"]);
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(8);
  expect(await thumbnails.has(sha(thumbnail), THUMBNAIL_VARIANT)).toBe(true);
  for (const imageId of [token, torn]) expect(await tokensOf().read(FAKE_FINGERPRINT, sha(imageId))).toBeDefined();
  for (const counts of Object.values(await stepCounts(db, corpusId, spaceId))) {
    expect(counts).toMatchObject({ done: 8, total: 8 });
  }
  const again = await upkeep(corpusId, { kind: "REFILL" });
  expect(again.counts).toMatchObject({ ...Object.fromEntries(Object.keys(missing).map((name) => [name, 0])) });
  expect(again.counts).toMatchObject({ stepsTotal: 0, imagesLooked: 8 });
});

test("writes captions again that are gone though their step is done, and judges them", async () => {
  const { corpusId, imageIds } = await newCorpus(3);
  const [lost] = imageIds as [string];
  await bench.db.query("delete from captions where image_id = $1::uuid and source = 'SYNTHETIC'", [lost]);
  const counts = { captionMissing: 1, filterMissing: 1 };
  expect((await upkeep(corpusId, { kind: "REFILL", dryRun: true })).counts).toMatchObject(counts);
  expect(await syntheticOf(lost)).toEqual([]);
  const whole = await upkeep(corpusId, { kind: "REFILL" });
  expect(whole.counts).toMatchObject({ ...counts, captionDone: 1, filterDone: 1 });
  expect(await syntheticOf(lost)).toMatchObject([{ verdict: expect.any(String) }]);
  expect((await upkeep(corpusId, { kind: "REFILL" })).counts).toMatchObject({ captionMissing: 0, filterMissing: 0 });
});

test("looks for no image tokens where the engine keeps them elsewhere", async () => {
  const { corpusId } = await newCorpus(2, { captions: false });
  const elsewhere = openTokenStore({ directory: join(bench.home, "nothing") });
  await request(corpusId, { kind: "REFILL", dryRun: true });
  expect(await work(corpusId, createEngine(), { tokens: elsewhere })).toBe("DONE");
  expect(notes.at(-1)).toContain("Image tokens lie with the inference server");
});

test("captions anew in place of what captioners wrote, leaves people's texts and decisions alone, and is taken back as a whole", async () => {
  const { corpus, corpusId, imageIds } = await newCorpus(6);
  const [reviewed, other] = imageIds as [string, string];
  const before = await activeCaptionRun(bench.db, corpusId);
  const [kept] = await syntheticOf(reviewed);
  await reviewCaption(bench.db, { captionId: kept?.id ?? "", verdict: "KEPT", reviewer: "ann" });
  await addCaption(bench.db, { imageId: other, text: "my own words", source: "HUMAN", author: "ann" });
  const dry = await upkeep(corpusId, { kind: "RECAPTION", dryRun: true });
  expect(dry.counts).toMatchObject({ imagesToCaption: 6 });
  expect((await activeCaptionRun(bench.db, corpusId))?.id).toBe(before?.id);

  const engine = createEngine({ ending: " again" });
  const search = () =>
    searchImages({ db: bench.db, inference: engine }, { corpus, all: [{ text: "a drawing" }] }).then(
      ({ hits }) => hits.length,
    );
  const operationId = await request(corpusId, { kind: "RECAPTION" });
  const [outcome, hits] = await Promise.all([work(corpusId, engine), search()]);
  expect([outcome, hits]).toEqual(["DONE", 6]);
  const { captionRunId } = (await findUpkeep(bench.db, operationId)) ?? {};
  expect((await findOperation(bench.db, operationId))?.counts).toMatchObject({
    captionDone: 6,
    filterDone: 6,
    captionFailed: 0,
  });
  const run = await activeCaptionRun(bench.db, corpusId);
  expect(run).toMatchObject({ id: captionRunId, decoding: before?.decoding, captionsPerImage: 1, supersedes: true });
  for (const imageId of imageIds) {
    const [old, fresh] = await syntheticOf(imageId);
    expect(fresh).toMatchObject({ runId: captionRunId, text: expect.stringMatching(/ again$/), supersededBy: null });
    expect(fresh?.verdict).not.toBeNull();
    if (imageId === reviewed) expect(old).toMatchObject({ verdict: "KEPT", reason: "REVIEWED" });
    else expect(old).toMatchObject({ verdict: "REJECTED", reason: "SUPERSEDED", supersededBy: fresh?.id });
  }
  const texts = (await captionsOf(bench.db, [other])).get(other) ?? [];
  expect(texts.find(({ source }) => source === "HUMAN")).toMatchObject({ verdict: "KEPT", supersededBy: null });

  expect(await revertCaptionRun(bench.db, captionRunId ?? "")).toBe(6);
  const [old, fresh] = await syntheticOf(other);
  expect(old).toMatchObject({ supersededBy: null });
  expect(old?.reason).not.toBe("SUPERSEDED");
  expect(fresh?.reason).toBe("RUN_REVERTED");
});

test("captions only the pictures that a filter names, and says of none that there is nothing to do", async () => {
  const { corpusId, imageIds } = await newCorpus(4);
  const [chosen] = imageIds as [string];
  const [{ origins = [] } = {}] = await findImages(bench.db, [chosen]);
  const filter = { and: [{ origin: { contains: origins[0] ?? "" } }, { addedAt: { from: new Date(0) } }] };
  const engine = createEngine({ ending: " anew" });
  const some = await upkeep(corpusId, { kind: "RECAPTION", filter }, engine);
  expect(some.counts).toMatchObject({ imagesLooked: 4, imagesToCaption: 1, captionDone: 1 });
  for (const imageId of imageIds) expect(await syntheticOf(imageId)).toHaveLength(imageId === chosen ? 2 : 1);
  const none = await upkeep(corpusId, { kind: "RECAPTION", filter: { format: ["tiff"] } }, engine);
  expect(none).toMatchObject({ outcome: "DONE", counts: { imagesToCaption: 0, stepsTotal: 0 } });
});

test("the same words again are the same caption, which counts also where its run was taken back before", async () => {
  const { corpusId, imageIds } = await newCorpus(2);
  const [first] = await syntheticOf(imageIds[0] ?? "");
  await revertCaptionRun(bench.db, first?.runId ?? "");
  expect((await syntheticOf(imageIds[0] ?? ""))[0]?.reason).toBe("RUN_REVERTED");
  expect((await upkeep(corpusId, { kind: "RECAPTION" })).outcome).toBe("DONE");
  const captions = await syntheticOf(imageIds[0] ?? "");
  expect(captions).toHaveLength(1);
  expect(captions[0]).toMatchObject({ id: first?.id, supersededBy: null });
  expect(captions[0]?.reason).not.toBe("RUN_REVERTED");
});

test("has a filter score what it has not scored, or all again, and decides", async () => {
  const { corpusId, imageIds } = await newCorpus(5);
  const { db } = bench;
  const none = await upkeep(corpusId, { kind: "REFILTER" });
  expect(none).toMatchObject({ outcome: "DONE", counts: { imagesToFilter: 0, captionsToFilter: 0 } });
  const changed = createEngine({ filterFingerprint: "f".repeat(64) });
  const dry = await upkeep(corpusId, { kind: "REFILTER", dryRun: true }, changed);
  expect(dry.counts).toMatchObject({ imagesToFilter: 5, captionsToFilter: 10 });
  expect((await activeFilterPolicy(db, corpusId))?.filterFingerprint).toBe(FAKE_FINGERPRINT);
  const done = await upkeep(corpusId, { kind: "REFILTER" }, changed);
  expect(done.counts).toMatchObject({ filterDone: 5, captionsToFilter: 10 });
  expect((await activeFilterPolicy(db, corpusId))?.filterFingerprint).toBe("f".repeat(64));
  const [caption] = await syntheticOf(imageIds[0] ?? "");
  expect((await explainCaption(db, caption?.id ?? ""))?.scores).toHaveLength(2);
  expect(caption?.verdict).not.toBeNull();

  // As after a mistake of the engine: all of them again.
  await db.query("update caption_scores set itm_logit = 99 where caption_id = $1::uuid", [caption?.id]);
  let verdicts: unknown[] = [];
  const watched = createEngine({
    filterFingerprint: "f".repeat(64),
    before: async (method) => {
      if (method === "matchTexts") verdicts = (await syntheticOf(imageIds[4] ?? "")).map(({ verdict }) => verdict);
    },
  });
  const all = await upkeep(corpusId, { kind: "REFILTER", everything: true }, watched);
  expect(all.counts).toMatchObject({ imagesToFilter: 5, captionsToFilter: 10, filterDone: 5 });
  // What was decided counts until it is decided anew.
  expect(verdicts).not.toContain(null);
  const scores = (await explainCaption(db, caption?.id ?? ""))?.scores ?? [];
  expect(scores.find(({ filterFingerprint }) => filterFingerprint === "f".repeat(64))?.itmLogit).not.toBe(99);
});

test("builds the index of a space anew and says what it finds, while searches answer", async () => {
  const { corpus, corpusId, spaceId } = await newCorpus(12, { captions: false });
  const { db } = bench;
  const small = await upkeep(corpusId, { kind: "REBUILD_INDEX" });
  expect(small.outcome).toBe("DONE");
  expect((await findUpkeep(db, small.operationId))?.measured).toMatchObject({ indexed: false, recallAfter: 1 });
  await createVectorIndex(db, spaceId, { minimumRows: 1 });
  const before = await vectorIndexesOf(db, spaceId);
  expect(before).toHaveLength(2);
  const dry = await upkeep(corpusId, { kind: "REBUILD_INDEX", dryRun: true });
  expect((await findUpkeep(db, dry.operationId))?.measured).toMatchObject({ indexed: true, recallAfter: null });
  expect(await vectorIndexesOf(db, spaceId)).toEqual(before);

  const operationId = await request(corpusId, { kind: "REBUILD_INDEX", spaceId });
  const query = { corpus, all: [{ text: "a drawing" }] };
  const [outcome, ...found] = await Promise.all([
    work(corpusId),
    ...Array.from({ length: 6 }, () => searchImages({ db, inference: createEngine() }, query)),
  ]);
  expect(outcome).toBe("DONE");
  for (const { hits, report } of found) expect([hits.length, report.degraded]).toEqual([12, []]);
  const after = await vectorIndexesOf(db, spaceId);
  expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  for (const [place, { build }] of after.entries()) expect(build).not.toBe(before[place]?.build);
  expect(await findOperation(db, operationId)).toMatchObject({ state: "SUCCEEDED", counts: { indexesBuilt: 2 } });
  expect((await findUpkeep(db, operationId))?.measured).toMatchObject({
    spaceId,
    queries: 12,
    recallBefore: 1,
    recallAfter: 1,
    sizeBytesAfter: expect.any(Number),
  });
});

test("an empty corpus, and one without a space, have nothing to do", async () => {
  const { id: corpusId } = await ensureCorpus(bench.db, { name: bench.newCorpus() });
  for (const kind of ["REBUILD_INDEX", "REFILL", "RECAPTION", "REFILTER"] as const) {
    expect(await upkeep(corpusId, { kind })).toMatchObject({ outcome: "DONE", operation: { state: "SUCCEEDED" } });
  }
  expect(await listCaptionRuns(bench.db, corpusId)).toEqual([]);
});

test("a second one of the same kind is refused with the name of the first, others go beside it", async () => {
  const { corpusId } = await newCorpus(1, { captions: false });
  const first = await request(corpusId, { kind: "REFILL" });
  await expect(request(corpusId, { kind: "REFILL", dryRun: true })).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining(first),
  });
  await expect(request(corpusId, { kind: "REBUILD_INDEX", spaceId: first })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  const second = await request(corpusId, { kind: "REBUILD_INDEX" });
  expect([await work(corpusId), await work(corpusId), await work(corpusId)]).toEqual(["DONE", "DONE", null]);
  for (const id of [first, second]) expect((await findOperation(bench.db, id))?.state).toBe("SUCCEEDED");
});

test("stops when it is cancelled or the corpus is paused, takes only its own steps out, and goes on after a retry", async () => {
  const { corpus, corpusId, spaceId, imageIds } = await newCorpus(20);
  let act: () => Promise<unknown> = async () => {};
  const slow = createEngine({
    ending: " slowly",
    before: async (method) => {
      if (method !== "captionImages") return;
      await act();
      act = async () => {};
      await new Promise((resolve) => setTimeout(resolve, 1_300));
    },
  });
  const operationId = await request(corpusId, { kind: "RECAPTION" });
  act = () => pauseCorpus(bench.db, corpusId);
  expect(await work(corpusId, slow)).toBe("LEFT");
  expect((await findOperation(bench.db, operationId))?.state).toBe("RUNNING");
  expect(await work(corpusId, slow)).toBeNull();
  await resumeCorpus(bench.db, corpusId);
  // An open step of somebody else's.
  await bench.db.query(
    "update image_steps set state = 'pending' where step = 'caption-embed' and image_id = $1::uuid",
    [imageIds[0]],
  );
  act = () => bench.db.transaction((tx) => cancelOperation(tx, operationId));
  expect(await work(corpusId, slow)).toBe("LEFT");
  const counts = await stepCounts(bench.db, corpusId, spaceId);
  expect(counts["caption-embed"]).toMatchObject({ pending: 1, excluded: 0 });
  expect(counts.caption.excluded).toBeGreaterThan(0);
  expect(counts.caption.pending + counts.caption.leased).toBe(0);
  expect(await retryFailedSteps(bench.db, { corpusId, step: "caption" })).toBe(counts.caption.excluded);
  await bench.ingest(corpus, undefined, { inference: createEngine({ ending: " slowly" }) });
  expect((await stepCounts(bench.db, corpusId, spaceId)).caption).toMatchObject({ done: 20 });
  for (const imageId of imageIds) expect((await syntheticOf(imageId)).at(-1)?.text).toMatch(/ slowly$/);
  expect(await bench.db.query("select from upkeep_steps where operation_id = $1::uuid", [operationId])).toEqual([]);
});

test("waits for an engine that is away or overloaded, fails pictures that it refuses, and ends when a model is missing", async () => {
  const { corpusId } = await newCorpus(9);
  let calls = 0;
  const weak = createEngine({
    ending: " at last",
    before: (method) => {
      if (method !== "captionImages") return;
      calls += 1;
      if (calls <= 2) throw new InferenceError("OVERLOADED", "full");
      if (calls <= 4) throw new InferenceError("UNAVAILABLE", "away");
    },
  });
  const waited = await upkeep(corpusId, { kind: "RECAPTION" }, weak);
  expect(waited).toMatchObject({ outcome: "DONE", counts: { captionDone: 9, captionFailed: 0 } });
  const base = createEngine();
  let refused = 0;
  const refusing: Inference = {
    ...base,
    async captionImages(images, ...rest) {
      const outcomes = await base.captionImages(images, ...rest);
      return outcomes.map((outcome) => {
        if ((refused += 1) > 1) return outcome;
        return { ok: false, error: new InferenceError("INVALID_IMAGE", "The model refuses it.") };
      });
    },
  };
  expect(await upkeep(corpusId, { kind: "RECAPTION" }, refusing)).toMatchObject({
    outcome: "DONE",
    counts: { captionDone: 8, captionFailed: 1, filterDone: 9 },
  });
  const mute: Inference = {
    ...createEngine(),
    models: async () => (await createEngine().models()).filter(({ role }) => role !== "captioner"),
  };
  const missing = await upkeep(corpusId, { kind: "RECAPTION" }, mute);
  expect(missing).toMatchObject({
    outcome: "FAILED",
    operation: { state: "FAILED", errorCode: "MODEL_MISSING", errorMessage: expect.stringContaining("no captioner") },
  });
});
