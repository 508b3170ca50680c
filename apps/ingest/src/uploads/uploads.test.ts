import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { createInferenceHandler, type Inference } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  beginReceiving,
  cancelOperation,
  captionsOf,
  countEmbeddings,
  createUpload,
  type Database,
  deleteImageRows,
  expireUploads,
  ensureCorpus,
  findImage,
  findUpload,
  listImages,
  listOperations,
  markStored,
  openDatabase,
  PRIORITIES,
  removeUnusedBlobs,
  stepCounts,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import type { BlobStore } from "@medley/storage/picture-stores";
import { openPartFiles } from "@medley/storage/part-files";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { IngestContext } from "../ingest-context.ts";
import { type Registration, registerPictures } from "../register-pictures.ts";
import { defaultRetry } from "../retry.ts";
import { runIngest } from "../run-ingest.ts";
import type { Finding } from "../scan/finding.ts";
import { png } from "../testing/pictures.ts";
import { cleanBlobs, cleanParts } from "./clean-uploads.ts";
import { registerUploads } from "./register-uploads.ts";

const home = mkdtempSync(join(tmpdir(), "medley-uploads-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
const thumbnails = openVariantStore({ directory: join(home, "thumbnails") });
const parts = openPartFiles({ directory: join(home, "uploads") });
const MAIN = resolve(import.meta.dirname, "../main.ts");
const INTENTIONALLY_SHORT_MS = 20;
let db: Database;
let corpus: { id: string; name: string };
let corpora = 0;
const children: ChildProcess[] = [];

beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
beforeEach(async () => {
  corpus = await ensureCorpus(db, { name: `uploads-${process.pid}-${Date.now()}-${(corpora += 1)}` });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => db[Symbol.asyncDispose]());

function contextWith(inference: Inference = createFakeInference({ readBlob: blobs.read }), store: BlobStore = blobs) {
  const context: IngestContext = {
    db,
    inference,
    blobs: store,
    thumbnails,
    maxBytes: 1_000_000,
    maxPixels: 100_000_000,
    owner: `test-${randomUUID()}`,
    signal: new AbortController().signal,
    calibrationAttempts: new Map(),
    retry: { ...defaultRetry, sleep: (ms) => defaultRetry.sleep(Math.min(ms, INTENTIONALLY_SHORT_MS)) },
  };
  return context;
}

const quiet = { onRegistration: () => {}, onFailedImage: () => {}, onProgress: () => {}, onNote: () => {} };
const request = (more: object = {}) => ({ corpus: corpus.name, captions: false, retryFailed: false, ...more });

/** What the gateway leaves behind when it has received every byte. */
async function upload(bytes: Buffer, more: { name?: string; text?: string } = {}): Promise<string> {
  const { name = null, text: words = null } = more;
  const facts = { name, text: words, attributes: { camera: "x" }, sizeBytes: bytes.length };
  const expiresAt = new Date(Date.now() + 60_000);
  const { id: uploadId } = await createUpload(db, { corpusId: corpus.id, ...facts, expiresAt });
  const writer = randomUUID();
  await beginReceiving(db, { uploadId, writer });
  await markStored(db, { uploadId, writer, sha256: await blobs.put(bytes) });
  return uploadId;
}

async function registered(context = contextWith()): Promise<Registration[]> {
  const seen: Registration[] = [];
  await registerUploads(
    context,
    { corpus: corpus.name },
    { onRegistration: (_, registration) => seen.push(registration) },
  );
  return seen;
}

test("makes an image of an upload, with its name, text, attributes and thumbnail, and embeds it with the next run", async () => {
  const uploadId = await upload(png(1), { name: "old lighthouse.png", text: "a lighthouse" });
  expect(await registered()).toMatchObject([{ kind: "registered", created: true }]);
  const { state, imageId } = (await findUpload(db, uploadId)) ?? {};
  expect(state).toBe("INGESTED");
  const image = await findImage(db, imageId ?? "");
  expect(image).toMatchObject({ origins: ["old lighthouse.png"], attributes: { camera: "x" }, width: 32, height: 32 });
  expect(await thumbnails.has(image?.sha256 ?? "", "320.webp")).toBe(true);
  expect((await captionsOf(db, [imageId ?? ""])).get(imageId ?? "")).toMatchObject([
    { text: "a lighthouse", source: "WEB" },
  ]);
  await runIngest(contextWith(), request(), quiet);
  const second = await upload(png(2));
  await registered();
  const spaceId = (await activeSpace(db, corpus.id))?.id ?? "";
  // From the second picture on the steps are planned with it.
  expect((await stepCounts(db, corpus.id, spaceId)).embed).toMatchObject({ done: 1, pending: 1 });
  const open = "select priority from image_steps where corpus_id = $1::uuid and step = 'embed' and state = 'pending'";
  expect(await db.query(open, [corpus.id])).toEqual([{ priority: PRIORITIES.upload }]);
  await runIngest(contextWith(), request(), quiet);
  expect(await countEmbeddings(db, spaceId, corpus.id)).toBe(2);
  const unnamed = (await findUpload(db, second))?.imageId ?? "";
  expect((await findImage(db, unnamed))?.origins).toEqual(["untitled"]);
});

test("rejects an upload that does not decode, and removes its bytes and the parts of uploads that have ended", async () => {
  const torn = png(3).subarray(0, 150);
  const uploadId = await upload(torn, { name: "torn.png" });
  await (await parts.openAt(uploadId, 0)).close();
  expect(await registered()).toMatchObject([{ kind: "rejected", path: "torn.png", code: "TRUNCATED" }]);
  const { state, errorCode, sha256 } = (await findUpload(db, uploadId)) ?? {};
  expect([state, errorCode]).toEqual(["REJECTED", "TRUNCATED"]);
  expect(await blobs.has(sha256 ?? "")).toBe(true);
  await expireUploads(db);
  await cleanParts(contextWith(), parts);
  await cleanBlobs(contextWith());
  expect(await blobs.has(sha256 ?? "")).toBe(false);
  expect(await parts.list()).not.toContain(uploadId);
});

test("stores a picture again whose bytes were removed between storing and registering", async () => {
  const bytes = png(4);
  let removals = 0;
  const treacherous: BlobStore = {
    ...blobs,
    async put(given) {
      const sha256 = await blobs.put(given);
      if ((removals += 1) <= 2) await blobs.remove(sha256);
      return sha256;
    },
  };
  async function* findings(): AsyncGenerator<Finding> {
    yield { kind: "file", path: "a.png", file: "/a.png", bytes, attributes: {} };
  }
  const target = { corpusId: corpus.id, spaceId: null, steps: ["prepare"] as const };
  const seen: Registration[] = [];
  for await (const each of registerPictures(contextWith(undefined, treacherous), target, findings())) seen.push(each);
  expect(seen).toMatchObject([{ kind: "registered", created: true }]);
  const [image] = await listImages(db, corpus.id, { limit: 5 });
  expect(await blobs.read(image?.sha256 ?? "")).toEqual(bytes);
});

test("embeds the other pictures of a batch when one is deleted meanwhile", async () => {
  for (const number of [5, 6, 7]) await upload(png(number));
  await registered();
  const [doomed] = await listImages(db, corpus.id, { limit: 1 });
  let deleted = false;
  const inference = createFakeInference({
    readBlob: blobs.read,
    before: async (method) => {
      if (method !== "embedImages" || deleted) return;
      deleted = true;
      await deleteImageRows(db, doomed?.id ?? "");
    },
  });
  await runIngest(contextWith(inference), request(), quiet);
  await removeUnusedBlobs(db, { blobs, thumbnails });
  const spaceId = (await activeSpace(db, corpus.id))?.id ?? "";
  expect(await countEmbeddings(db, spaceId, corpus.id)).toBe(2);
  expect((await stepCounts(db, corpus.id, spaceId)).embed).toMatchObject({ done: 2, total: 2 });
  expect(await blobs.has(doomed?.sha256 ?? "")).toBe(false);
});

test("stops when its operation is cancelled, leaves nothing to do, and goes on after a retry", async () => {
  for (let number = 10; number < 60; number += 1) await upload(png(number));
  await registered();
  let batches = 0;
  const inference = createFakeInference({
    readBlob: blobs.read,
    before: async (method) => {
      if (method !== "embedImages" || (batches += 1) > 1) return;
      const [operation] = await listOperations(db, { limit: 1, corpusId: corpus.id });
      await db.transaction((tx) => cancelOperation(tx, operation?.id ?? ""));
      // Until the run has noticed, as it does every second.
      await wait(2_500);
    },
  });
  const progress = await runIngest(contextWith(inference), request(), quiet);
  expect(progress).toMatchObject({ outcome: "CANCELLED" });
  expect(await listOperations(db, { limit: 1, corpusId: corpus.id })).toMatchObject([{ state: "CANCELLED" }]);
  const { embed } = progress.steps;
  expect(embed.done).toBeGreaterThan(0);
  expect(embed.excluded).toBeGreaterThan(0);
  expect(embed).toMatchObject({ pending: 0, leased: 0, total: 50 });
  expect((await runIngest(contextWith(), request(), quiet)).idle).toBe(true);
  const resumed = await runIngest(contextWith(), request({ retryFailed: true }), quiet);
  expect(resumed.steps.embed).toMatchObject({ done: 50, total: 50 });
});

test("a worker that is killed while it registers loses no upload, and the next one embeds them", {
  timeout: 180_000,
}, async () => {
  const engine = createFakeInference({ readBlob: blobs.read });
  const handle = createInferenceHandler(engine);
  const server = createServer(async (incoming, response) => {
    const { method = "GET", url: path = "/" } = incoming;
    const reply = await handle({ method, path, body: await text(incoming) });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const uploadIds: string[] = [];
  for (let number = 100; number < 140; number += 1) uploadIds.push(await upload(png(number)));
  const first = startWorker(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const waiting = async () => (await statesOf(uploadIds)).filter((state) => state === "STORED").length;
  // Sixteen are in hand from the first claim on, so that the kill hits some of them in the middle.
  await until(async () => (await claimed(corpus.id)) > 0);
  first.kill("SIGKILL");
  await new Promise((ended) => first.once("exit", ended));
  const open = await waiting();
  expect(open).toBeGreaterThan(0);
  await db.query("update uploads set lease_until = now() where corpus_id = $1::uuid and lease_until is not null", [
    corpus.id,
  ]);
  startWorker(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await until(async () => (await waiting()) === 0);
  expect(new Set(await statesOf(uploadIds))).toEqual(new Set(["INGESTED"]));
  await until(async () => {
    const space = await activeSpace(db, corpus.id);
    return space !== null && (await countEmbeddings(db, space.id, corpus.id)) === uploadIds.length;
  });
  expect(await listImages(db, corpus.id, { limit: 100 })).toHaveLength(uploadIds.length);
  server.closeAllConnections();
  server.close();
});

function startWorker(inferenceUrl: string): ChildProcess {
  const child = spawn(process.execPath, [MAIN, "work", "--watch", "--corpus", corpus.name], {
    env: {
      ...process.env,
      MEDLEY_HOME: home,
      INFERENCE_URL: inferenceUrl,
      DATABASE_URL: process.env.TEST_DATABASE_URL ?? "",
    },
    stdio: ["ignore", "ignore", "ignore"],
  });
  children.push(child);
  return child;
}

async function statesOf(uploadIds: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(uploadIds.map(async (id) => (await findUpload(db, id))?.state));
}

async function claimed(corpusId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "select count(*)::integer as count from uploads where corpus_id = $1::uuid and attempts > 0",
    [corpusId],
  );
  return row?.count ?? 0;
}

async function until(reached: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1_000; looks += 1) {
    if (await reached()) return;
    await wait(30);
  }
  throw new Error("It did not happen within 30 seconds.");
}
