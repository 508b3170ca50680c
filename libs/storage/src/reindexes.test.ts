import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { findModel, listModels, saveModel } from "./models.ts";
import { cancelOperation, updateOperation } from "./operations.ts";
import {
  claimReindex,
  compareCoverage,
  findReindex,
  releaseReindex,
  requestReindex,
  saveComparison,
  spaceToRollBackTo,
  switchSpace,
} from "./reindexes.ts";
import { retireSpace } from "./retired-spaces.ts";
import { activateSpace, activeSpace, ensureSpace, spacesOf } from "./spaces.ts";
import { STEPS } from "./step-order.ts";
import { claimSteps, completeSteps, planSteps, stepCounts } from "./steps.ts";
import { pauseCorpus, resumeCorpus } from "./step-control.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

let made = 0;

/** A corpus with two spaces, searched in the first, and pictures that are embedded there. */
async function newCorpus({ images }: { images: number }) {
  const { db } = database;
  const name = `reindex ${(made += 1)}`;
  const { id: corpusId } = await ensureCorpus(db, { name });
  const makeSpace = async (fingerprint: string) =>
    (await ensureSpace(db, { fingerprint, name: fingerprint, dimensions: 2, preprocessing: {} })).id;
  const [older, newer] = [await makeSpace(`${name} older`), await makeSpace(`${name} newer`)];
  await activateSpace(db, corpusId, older);
  const add = async () => {
    const sha256 = String((made += 1)).padStart(64, "0");
    const { imageId } = await registerImage(db, { corpusId, sha256, origin: `${made}.png`, attributes: {} });
    await planSteps(db, { corpusId, spaceId: older, steps: [...STEPS], imageIds: [imageId] });
    await completeSteps(db, { step: "prepare", spaceId: null, imageIds: [imageId] });
    return imageId;
  };
  const embed = async (spaceId: string, imageIds: readonly string[]) => {
    const embedding = Float32Array.of(1, 0);
    await saveEmbeddings(db, { spaceId, rows: imageIds.map((imageId) => ({ imageId, corpusId, embedding })) });
    for (const step of ["embed", "caption-embed"] as const) await completeSteps(db, { step, spaceId, imageIds });
  };
  const imageIds: string[] = [];
  for (let image = 0; image < images; image += 1) imageIds.push(await add());
  await embed(older, imageIds);
  const request = (spaceId = newer, forced = false) =>
    db.transaction((tx) => requestReindex(tx, { corpusId, spaceId, forced }));
  const change = { corpusId, fromSpaceId: older, spaceId: newer, mayMiss: 0 };
  return { db, corpusId, older, newer, imageIds, add, embed, request, change };
}

test("plans the vectors of every picture in the new space, and of those that come later in both", async () => {
  const { db, corpusId, older, newer, add, request } = await newCorpus({ images: 3 });
  expect(await request()).toMatchObject({ kind: "REINDEX", state: "QUEUED", corpusId });
  expect(await spacesOf(db, corpusId)).toMatchObject([{ id: newer, state: "BUILDING" }, { id: older }]);
  expect(await stepCounts(db, corpusId, newer)).toMatchObject({
    embed: { pending: 3, total: 3 },
    "caption-embed": { pending: 3, total: 3 },
    caption: { total: 0 },
  });
  await add();
  expect((await stepCounts(db, corpusId, newer)).embed.pending).toBe(4);
  expect((await stepCounts(db, corpusId, older)).embed).toMatchObject({ pending: 1, done: 3 });
});

test("moves a corpus one reindex at a time, and into no space that it is in", async () => {
  const { corpusId, older, request, db } = await newCorpus({ images: 1 });
  await expect(request(older)).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringContaining("already") });
  const { id } = await request();
  await expect(request()).rejects.toThrow(`is being reindexed by operation "${id}". Wait for it, or cancel it.`);
  await expect(request("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await updateOperation(db, { operationId: id, state: "FAILED" });
  expect((await request()).corpusId).toBe(corpusId);
});

test("hands a reindex to one worker at a time, again when its lease is over, and never of a paused corpus", async () => {
  const { db, corpusId, newer, older, request } = await newCorpus({ images: 1 });
  const claim = (worker: string, leaseMs = 60_000) => claimReindex(db, { corpusId, worker, leaseMs });
  expect(await claim("one")).toBeNull();
  const { id: operationId } = await request(newer, true);
  await pauseCorpus(db, corpusId);
  expect(await claim("one")).toBeNull();
  await resumeCorpus(db, corpusId);
  const reindex = { operationId, corpusId, spaceId: newer, fromSpaceId: older, forced: true, comparison: null };
  expect(await claim("one")).toEqual(reindex);
  expect(await claim("two")).toBeNull();
  expect(await claim("one", -1)).toEqual(reindex);
  expect(await claim("two")).toEqual(reindex);
  await releaseReindex(db, { worker: "two" });
  expect(await claim("three")).toEqual(reindex);
  await saveComparison(db, { operationId, comparison: { passed: true } });
  expect(await findReindex(db, operationId)).toMatchObject({ comparison: { passed: true } });
  await updateOperation(db, { operationId, state: "SUCCEEDED" });
  expect(await claim("three")).toBeNull();
});

test("switches only when the new space lacks no picture of the old one, and takes the captions' steps along", async () => {
  const { db, corpusId, older, newer, imageIds, embed, request, change } = await newCorpus({ images: 3 });
  await claimSteps(db, { corpusId, step: "caption", spaceId: older, limit: 1, leaseMs: 60_000, owner: "w" });
  await completeSteps(db, { step: "filter", spaceId: older, imageIds });
  await request();
  await embed(newer, imageIds.slice(0, 2));
  expect(await compareCoverage(db, change)).toEqual({ wanted: 3, missing: 1, open: 2, failed: 0 });
  expect(await db.transaction((tx) => switchSpace(tx, change))).toEqual({ switched: false, missing: 1 });
  expect((await activeSpace(db, corpusId))?.id).toBe(older);
  await embed(newer, imageIds.slice(2));
  expect(await db.transaction((tx) => switchSpace(tx, change))).toEqual({ switched: true, missing: 0 });
  expect(await spacesOf(db, corpusId)).toMatchObject([
    { id: newer, state: "ACTIVE" },
    { id: older, state: "STANDBY" },
  ]);
  expect(await stepCounts(db, corpusId, newer)).toMatchObject({
    embed: { done: 3 },
    caption: { pending: 3, leased: 0 },
    filter: { done: 3 },
  });
  expect((await stepCounts(db, corpusId, older)).caption.total).toBe(0);
  await expect(db.transaction((tx) => switchSpace(tx, change))).rejects.toMatchObject({ code: "CONFLICT" });
});

test("keeps the space before up to date for a way back, until it is retired", async () => {
  const { db, corpusId, older, newer, imageIds, add, embed, request, change } = await newCorpus({ images: 2 });
  const back = { corpusId, fromSpaceId: newer, spaceId: older, mayMiss: 0 };
  expect(await spaceToRollBackTo(db, corpusId)).toBeNull();
  const { id: operationId } = await request();
  await embed(newer, imageIds);
  await db.transaction((tx) => switchSpace(tx, change));
  await updateOperation(db, { operationId, state: "SUCCEEDED" });
  expect(await spaceToRollBackTo(db, corpusId)).toBe(older);
  const later = await add();
  await embed(newer, [later]);
  expect(await db.transaction((tx) => switchSpace(tx, back))).toEqual({ switched: false, missing: 1 });
  await embed(older, [later]);
  expect(await db.transaction((tx) => switchSpace(tx, back))).toMatchObject({ switched: true });
  expect(await spaceToRollBackTo(db, corpusId)).toBe(newer);

  const retire = (spaceId: string) => db.transaction((tx) => retireSpace(tx, { corpusId, spaceId }));
  await expect(retire(older)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await retire(newer)).toBe(3);
  expect(await spaceToRollBackTo(db, corpusId)).toBeNull();
  expect((await stepCounts(db, corpusId, newer)).embed.total).toBe(0);
  await add();
  expect((await stepCounts(db, corpusId, newer)).embed.total).toBe(0);
  expect(await spacesOf(db, corpusId)).toMatchObject([{ state: "RETIRED" }, { state: "ACTIVE" }]);
  await request();
  expect((await stepCounts(db, corpusId, newer)).embed.pending).toBe(4);
  expect(await spacesOf(db, corpusId)).toMatchObject([{ state: "BUILDING" }, { state: "ACTIVE" }]);
});

test("retires what a cancelled reindex was building, and leaves the work of the corpus alone", async () => {
  const { db, corpusId, older, newer, imageIds, embed, request } = await newCorpus({ images: 2 });
  const { id } = await request();
  await embed(newer, imageIds.slice(0, 1));
  expect(await db.transaction((tx) => cancelOperation(tx, id))).toMatchObject({ state: "CANCELLED" });
  expect(await spacesOf(db, corpusId)).toMatchObject([{ id: newer, state: "RETIRED" }, { id: older }]);
  expect((await stepCounts(db, corpusId, newer)).embed.total).toBe(0);
  expect((await stepCounts(db, corpusId, older)).caption.pending).toBe(2);
  expect(await claimReindex(db, { corpusId, worker: "one", leaseMs: 1_000 })).toBeNull();
});

test("retires no space that the corpus is being moved into", async () => {
  const { db, corpusId, newer, request } = await newCorpus({ images: 2 });
  const { id } = await request();
  const retired = db.transaction((tx) => retireSpace(tx, { corpusId, spaceId: newer }));
  await expect(retired).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringContaining(id) as string });
  expect((await stepCounts(db, corpusId, newer)).embed.pending).toBe(2);
});

test("remembers a model under one name and one fingerprint", async () => {
  const { db } = database;
  const model = { fingerprint: "f1", name: "second", checkpoint: "/models/second", itcWeight: 3 };
  expect(await saveModel(db, model)).toMatchObject(model);
  expect(await saveModel(db, { ...model, checkpoint: "/elsewhere" })).toMatchObject({ checkpoint: "/elsewhere" });
  await expect(saveModel(db, { ...model, fingerprint: "f2" })).rejects.toMatchObject({
    code: "CONFLICT",
    message: 'Another model (f1) has the name "second". Choose one that is free.',
  });
  expect(await findModel(db, "f1")).toMatchObject({ name: "second", itcWeight: 3 });
  expect(await findModel(db, "f3")).toBeNull();
  expect((await listModels(db)).map(({ name }) => name)).toEqual(["second"]);
});
