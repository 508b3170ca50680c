import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { registerImage } from "./images.ts";
import { recordRejectedFile, refusalClasses } from "./rejected-files.ts";
import { pauseCorpus, resumeCorpus } from "./step-control.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import {
  beginReceiving,
  changedUploads,
  claimUploads,
  corporaWithUploads,
  createUpload,
  expireUploads,
  findUpload,
  finishUpload,
  markStored,
  receivingAmong,
  recordReceived,
  rejectUpload,
} from "./uploads.ts";

let database: TestDatabase;
let corpora = 0;
let corpus: { id: string; name: string };
beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  corpus = await ensureCorpus(database.db, { name: `uploads ${(corpora += 1)}` });
});
afterAll(() => database[Symbol.asyncDispose]());

const later = (ms: number) => new Date(Date.now() + ms);
const sha = (index: number) => index.toString(16).padStart(64, "0");

function newUpload(expiresAt = later(60_000)) {
  const more = { name: "dog.jpg", text: "a dog", attributes: { a: 1 }, sizeBytes: 10 };
  return createUpload(database.db, { corpusId: corpus.id, ...more, expiresAt });
}

async function storedUpload(sha256 = sha(1)) {
  const { id: uploadId } = await newUpload();
  const writer = randomUUID();
  await beginReceiving(database.db, { uploadId, writer });
  await markStored(database.db, { uploadId, writer, sha256 });
  return uploadId;
}

test("counts bytes of the last writer alone", async () => {
  const { id: uploadId } = await newUpload();
  const [first, second] = [randomUUID(), randomUUID()];
  await beginReceiving(database.db, { uploadId, writer: first });
  expect(await recordReceived(database.db, { uploadId, writer: first, receivedBytes: 3 })).toBe(true);
  expect(await beginReceiving(database.db, { uploadId, writer: second })).toMatchObject({ receivedBytes: 3 });
  expect(await recordReceived(database.db, { uploadId, writer: first, receivedBytes: 9 })).toBe(false);
  expect(await markStored(database.db, { uploadId, writer: first, sha256: sha(1) })).toBeNull();
  expect(await findUpload(database.db, uploadId)).toMatchObject({ state: "RECEIVING", receivedBytes: 3 });
});

test("hands a stored upload to one worker until its lease runs out, and to none once it is an image", async () => {
  const uploadId = await storedUpload();
  const claim = (now?: Date) =>
    claimUploads(database.db, { corpusId: corpus.id, limit: 10, leaseMs: 1_000, ...(now && { now }) });
  expect((await corporaWithUploads(database.db)).map(({ name }) => name)).toContain(corpus.name);
  const given = await Promise.all([claim(), claim(), claim()]);
  const expected = { uploadId, sha256: sha(1), name: "dog.jpg", text: "a dog", attributes: { a: 1 } };
  expect(given.flat()).toEqual([expected]);
  expect((await corporaWithUploads(database.db)).map(({ name }) => name)).not.toContain(corpus.name);
  expect(await claim(later(5_000))).toHaveLength(1);
  const image = { corpusId: corpus.id, sha256: sha(1), origin: "dog.jpg", attributes: {} };
  const { imageId } = await registerImage(database.db, image);
  await finishUpload(database.db, { uploadId, imageId });
  expect(await claim(later(50_000))).toEqual([]);
  expect(await findUpload(database.db, uploadId)).toMatchObject({ state: "INGESTED", imageId });
});

test("rejects an upload that kills every worker", async () => {
  const uploadId = await storedUpload();
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const now = later(attempt * 10_000);
    expect(await claimUploads(database.db, { corpusId: corpus.id, limit: 1, leaseMs: 1_000, now })).toHaveLength(1);
  }
  const now = later(1_000_000);
  expect(await claimUploads(database.db, { corpusId: corpus.id, limit: 1, leaseMs: 1_000, now })).toEqual([]);
  expect(await findUpload(database.db, uploadId)).toMatchObject({ state: "REJECTED", errorCode: "WORKER_DIED" });
});

test("expires what is not complete in time, and nothing else", async () => {
  const late = await newUpload(later(1_000));
  const early = await newUpload(later(100_000));
  const stored = await storedUpload();
  expect(await expireUploads(database.db, { now: later(2_000) })).toEqual([late.id]);
  expect(await findUpload(database.db, late.id)).toMatchObject({ state: "REJECTED", errorCode: "EXPIRED" });
  expect(await receivingAmong(database.db, [late.id, early.id, stored, "x"])).toEqual(new Set([early.id]));
  const past = await newUpload(later(-1));
  expect(await beginReceiving(database.db, { uploadId: past.id, writer: randomUUID() })).toBeNull();
});

test("says what has changed since it was seen, once", async () => {
  const { id } = await newUpload();
  const [first] = await changedUploads(database.db, [
    { id, version: "" },
    { id: "x", version: "" },
  ]);
  expect(first?.row).toMatchObject({ id, state: "RECEIVING" });
  const seen = [{ id, version: first?.version ?? "" }];
  expect(await changedUploads(database.db, seen)).toEqual([]);
  await rejectUpload(database.db, { uploadId: id, code: "NOT_AN_IMAGE", message: "a text\0" });
  const [second] = await changedUploads(database.db, seen);
  expect(second?.row).toMatchObject({ state: "REJECTED", errorCode: "NOT_AN_IMAGE", errorMessage: "a text" });
});

test("waits with the uploads of a paused corpus until it is resumed", async () => {
  await storedUpload();
  const waiting = async () => (await corporaWithUploads(database.db)).map(({ id }) => id);
  expect(await waiting()).toContain(corpus.id);
  await pauseCorpus(database.db, corpus.id);
  expect(await waiting()).not.toContain(corpus.id);
  await resumeCorpus(database.db, corpus.id);
  expect(await waiting()).toContain(corpus.id);
});

test("counts refused files and uploads of a corpus by their reason", async () => {
  const { db } = database;
  const refuse = async (code: string, message: string) =>
    rejectUpload(db, { uploadId: (await newUpload()).id, code, message });
  await recordRejectedFile(db, { corpusId: corpus.id, origin: "x", code: "TRUNCATED", message: "a file" });
  await refuse("TRUNCATED", "an upload");
  await refuse("EMPTY_FILE", "nothing");
  expect(await refusalClasses(db, corpus.id)).toEqual([
    { code: "TRUNCATED", count: 2, message: "an upload" },
    { code: "EMPTY_FILE", count: 1, message: "nothing" },
  ]);
});
