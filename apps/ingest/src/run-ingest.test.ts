import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Inference, InferenceError, type ModelInfo } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  captionsOf,
  countEmbeddings,
  countImages,
  type Database,
  findCorpus,
  listImages,
  listOperations,
  listRejectedFiles,
  openDatabase,
  registerImage,
  searchEmbeddings,
  spacesOf,
  StorageError,
} from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import type { BlobStore } from "@medley/storage/picture-stores";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "./ingest-context.ts";
import type { Registration } from "./register-pictures.ts";
import { defaultRetry } from "./retry.ts";
import { type FailedImage, type IngestRequest, runIngest } from "./run-ingest.ts";
import { openSource } from "./scan/scan-source.ts";
import { THUMBNAIL_VARIANT } from "./steps/prepare.ts";
import { largeJpeg, pixelBomb, png } from "./testing/pictures.ts";
import { sourceOptions } from "./testing/source-options.ts";

const home = mkdtempSync(join(tmpdir(), "medley-ingest-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
const thumbnails = openVariantStore({ directory: join(home, "thumbnails") });
let db: Database;

beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(() => db[Symbol.asyncDispose]());

let corpora = 0;
/** A name of its own for each test, also on a database that others use. */
const newCorpus = () => `ingest-test-${process.pid}-${Date.now()}-${(corpora += 1)}`;

interface Run {
  readonly inference?: Inference;
  readonly signal?: AbortSignal;
  readonly captions?: boolean;
  readonly retryFailed?: boolean;
  readonly blobs?: BlobStore;
}

async function ingest(corpus: string, path: string | undefined, run: Run = {}) {
  const context: IngestContext = {
    db,
    inference: run.inference ?? createFakeInference({ readBlob: blobs.read }),
    blobs: run.blobs ?? blobs,
    thumbnails,
    maxBytes: 1_000_000,
    maxPixels: 100_000_000,
    owner: `test-${Math.random()}`,
    signal: run.signal ?? new AbortController().signal,
    retry: { ...defaultRetry, sleep: (milliseconds) => defaultRetry.sleep(Math.min(milliseconds, 20)) },
    calibrationAttempts: new Map(),
  };
  const registrations: Registration[] = [];
  const failures: FailedImage[] = [];
  const notes: string[] = [];
  const request: IngestRequest = {
    corpus,
    captions: run.captions ?? true,
    retryFailed: run.retryFailed ?? false,
    ...(path !== undefined && { findings: await openSource(path, sourceOptions()) }),
  };
  const progress = await runIngest(context, request, {
    onRegistration: (registration) => registrations.push(registration),
    onFailedImage: (failed) => failures.push(failed),
    onProgress: () => {},
    onNote: (note) => notes.push(note),
  });
  return { progress, registrations, failures, notes };
}

function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  const root = mkdtempSync(join(tmpdir(), "medley-pictures-"));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
  return root;
}

const requireCorpus = async (name: string) => {
  const corpus = await findCorpus(db, name);
  if (!corpus) throw new Error(`There is no corpus "${name}".`);
  return corpus;
};

test("brings a folder into a corpus: rows, bytes, thumbnails, embeddings, judged captions", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "a.png": png(1), "a.txt": "a striped square", "sub/b.png": png(2), "c.png": png(3) });
  const { progress, registrations } = await ingest(corpus, root);
  expect(progress).toMatchObject({ added: 3, known: 0, rejected: 0, scanned: true });
  expect(registrations.map(({ path }) => path.replace(root, ""))).toEqual(["/a.png", "/c.png", "/sub/b.png"]);

  const { id: corpusId } = await requireCorpus(corpus);
  const images = await listImages(db, corpusId, { limit: 10 });
  const captions = await captionsOf(
    db,
    images.map(({ id }) => id),
  );
  for (const image of images) {
    expect(image).toMatchObject({ format: "png", width: 32, height: 32 });
    expect((await blobs.read(image.sha256)).length).toBe(image.sizeBytes);
    expect(await thumbnails.has(image.sha256, THUMBNAIL_VARIANT)).toBe(true);
    const synthetic = captions.get(image.id)?.find(({ source }) => source === "SYNTHETIC");
    expect(synthetic).toMatchObject({ decoding: { method: "beam", beams: 3 } });
    expect(["KEPT", "REJECTED"]).toContain(synthetic?.verdict);
  }
  const web = [...captions.values()].flat().filter(({ source }) => source === "WEB");
  expect(web.map(({ text }) => text)).toEqual(["a striped square"]);

  const space = await activeSpace(db, corpusId);
  const query = new Float32Array(8).fill(1);
  const found = await searchEmbeddings(db, { corpusId, spaceId: space?.id ?? "", query, limit: 10 });
  expect(found.hits).toHaveLength(3);
  expect((await listOperations(db, { limit: 1 }))[0]).toMatchObject({ kind: "INGEST", corpusId, state: "SUCCEEDED" });
});

test("hands the model input of a large photograph to the engine, and leaves no file of it behind", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "large.jpg": largeJpeg(), "small.png": png(77) });
  const engine = createFakeInference({ readBlob: blobs.read });
  const given: boolean[] = [];
  const inference: Inference = {
    ...engine,
    async embedImages(images, options) {
      for (const image of images) {
        const sha256 = "sha256" in image ? image.sha256 : "";
        const pixels = await thumbnails.read(sha256, "64-bicubic.rgb");
        given.push(pixels?.length === 64 * 64 * 3);
      }
      return engine.embedImages(images, options);
    },
  };
  expect((await ingest(corpus, root, { inference, captions: false })).progress).toMatchObject({ added: 2 });
  expect(given.toSorted()).toEqual([false, true]);
  for (const { sha256 } of await listImages(db, (await requireCorpus(corpus)).id, { limit: 2 })) {
    expect(await thumbnails.has(sha256, "64-bicubic.rgb")).toBe(false);
    expect(await thumbnails.has(sha256, THUMBNAIL_VARIANT)).toBe(true);
  }
});

test("clears away what was noted for copies that are gone by now", async () => {
  const corpus = newCorpus();
  await ingest(corpus, folderOf({ "a.png": png(1) }));
  const { id: corpusId } = await requireCorpus(corpus);
  const noted = () => db.query("select 1 from search_changes where corpus_id = $1", [corpusId]);
  expect(await noted()).not.toEqual([]);
  await db.query("update search_changes set changed_at = changed_at - interval '2 days' where corpus_id = $1", [
    corpusId,
  ]);
  await ingest(corpus, undefined);
  expect(await noted()).toEqual([]);
});

test("does nothing twice when the same folder comes again", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "a.png": png(11), "b.png": png(12) });
  await ingest(corpus, root);
  const methods: string[] = [];
  const inference = createFakeInference({ readBlob: blobs.read, before: (method) => void methods.push(method) });
  const { progress, registrations } = await ingest(corpus, root, { inference });
  expect(progress).toMatchObject({ added: 0, known: 2 });
  expect(registrations.every((entry) => entry.kind === "registered" && !entry.created)).toBe(true);
  expect(methods).toEqual([]);
  expect(await countImages(db, (await requireCorpus(corpus)).id)).toBe(2);
});

test("makes one image of equal bytes under two names", async () => {
  const corpus = newCorpus();
  const { progress } = await ingest(corpus, folderOf({ "a.png": png(21), "again.png": png(21) }));
  expect(progress).toMatchObject({ added: 1, known: 1 });
});

test("gives each bad file one row with its reason and goes on with the rest", async () => {
  const corpus = newCorpus();
  const root = folderOf({
    "bomb.png": pixelBomb(),
    "empty.jpg": "",
    "good.png": png(31),
    "large.png": Buffer.concat([png(32), Buffer.alloc(1_000_000)]),
    "text.jpg": "this is not a picture",
    "torn.png": png(33).subarray(0, 200),
    "secret.png": png(34),
  });
  symlinkSync("/etc", join(root, "link"));
  chmodSync(join(root, "secret.png"), 0);
  const { progress, registrations } = await ingest(corpus, root);
  const codes = Object.fromEntries(
    registrations.map((entry) => [entry.path.replace(`${root}/`, ""), entry.kind === "rejected" ? entry.code : "OK"]),
  );
  expect(codes).toMatchObject({
    "bomb.png": "TOO_MANY_PIXELS",
    "empty.jpg": "EMPTY_FILE",
    "good.png": "OK",
    "large.png": "FILE_TOO_LARGE",
    "text.jpg": "NOT_AN_IMAGE",
    "torn.png": "TRUNCATED",
    link: "LINK_OUTSIDE",
    // root reads everything, so there it is a good picture.
    "secret.png": process.getuid?.() === 0 ? "OK" : "UNREADABLE",
  });
  const { id: corpusId } = await requireCorpus(corpus);
  expect((await listRejectedFiles(db, corpusId)).length).toBe(progress.rejected);
  expect(await countImages(db, corpusId)).toBe(progress.added);
});

test("takes a picture under the name of another format, for the content decides", async () => {
  const corpus = newCorpus();
  const { progress } = await ingest(corpus, folderOf({ "a.jpg": png(35), "b.pdf": png(36), c: png(37) }));
  expect(progress).toMatchObject({ added: 3, rejected: 0 });
  const images = await listImages(db, (await requireCorpus(corpus)).id, { limit: 10 });
  expect(images.map(({ format }) => format)).toEqual(["png", "png", "png"]);
});

test("forgets the rejection of a file that was mended", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "a.png": "broken" });
  await ingest(corpus, root);
  writeFileSync(join(root, "a.png"), png(41));
  const { progress } = await ingest(corpus, root);
  expect(progress).toMatchObject({ added: 1, rejected: 0 });
  expect(await listRejectedFiles(db, (await requireCorpus(corpus)).id)).toEqual([]);
});

test("goes on where it was stopped", async () => {
  const corpus = newCorpus();
  const root = folderOf(
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}.png`, png(100 + index)])),
  );
  const stop = new AbortController();
  const stopping = createFakeInference({ readBlob: blobs.read, before: () => stop.abort() });
  await ingest(corpus, root, { inference: stopping, signal: stop.signal });
  const { id: corpusId } = await requireCorpus(corpus);
  const { progress } = await ingest(corpus, root);
  expect(progress.added + progress.known).toBe(40);
  expect(progress.steps.embed).toMatchObject({ done: 40, pending: 0, leased: 0, total: 40 });
  expect(progress.steps.caption).toMatchObject({ done: 40, total: 40 });
  expect(await countEmbeddings(db, (await activeSpace(db, corpusId))?.id ?? "", corpusId)).toBe(40);
});

test("waits for an overloaded server and for one that restarts", async () => {
  let calls = 0;
  const inference = createFakeInference({
    readBlob: blobs.read,
    before: () => {
      calls += 1;
      if (calls <= 2) throw new InferenceError("OVERLOADED", "full");
      if (calls <= 4) throw new InferenceError("UNAVAILABLE", "gone");
    },
  });
  const { progress } = await ingest(newCorpus(), folderOf({ "a.png": png(51) }), { inference });
  expect(progress.steps.caption.done).toBe(1);
});

test("waits for a store of pictures that is away, and rejects nothing for it", async () => {
  const corpus = newCorpus();
  let refusals = 3;
  const away = {
    ...blobs,
    put: async (bytes: Uint8Array) => {
      if ((refusals -= 1) >= 0) throw new StorageError("UNREACHABLE", "The bucket is away.", { retryable: true });
      return blobs.put(bytes);
    },
  };
  const { progress } = await ingest(corpus, folderOf({ "a.png": png(71), "b.png": png(72) }), { blobs: away });
  expect(refusals).toBeLessThan(0);
  expect(progress).toMatchObject({ added: 2, rejected: 0, outcome: "DONE" });
});

test("waits for a store that the engine cannot read, and counts no try against a picture", async () => {
  const corpus = newCorpus();
  const fake = createFakeInference({ readBlob: blobs.read });
  const away = () => ({ ok: false, error: new InferenceError("UNAVAILABLE", "The bucket is away.") }) as const;
  // More often than a step is tried.
  const refusals = { embedImages: 8, captionImages: 8 };
  const inference: Inference = {
    ...fake,
    embedImages: async (images, options) =>
      (refusals.embedImages -= 1) >= 0 ? images.map(away) : fake.embedImages(images, options),
    captionImages: async (images, request, options) =>
      (refusals.captionImages -= 1) >= 0 ? images.map(away) : fake.captionImages(images, request, options),
  };
  const { progress, failures } = await ingest(corpus, folderOf({ "a.png": png(73) }), { inference });
  expect(Math.max(...Object.values(refusals))).toBeLessThan(0);
  expect(failures).toEqual([]);
  for (const step of ["embed", "caption"] as const) expect(progress.steps[step]).toMatchObject({ done: 1, failed: 0 });
});

test("reports a picture that the model refuses, keeps the count complete and tries it again on request", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "good.png": png(61), "odd.png": png(62) });
  const oddSha256 = await blobs.put(png(62));
  const refusing = createFakeInference({
    readBlob: async (sha256) => (sha256 === oddSha256 ? Buffer.from("odd") : blobs.read(sha256)),
  });
  const first = await ingest(corpus, root, { inference: refusing });
  expect(first.failures).toMatchObject([{ path: join(root, "odd.png"), step: "embed", code: "INVALID_IMAGE" }]);
  expect(first.progress.steps.embed).toMatchObject({ done: 1, failed: 1, total: 2 });
  expect(first.progress.steps.caption).toMatchObject({ done: 1, excluded: 1, total: 2 });
  const again = await ingest(corpus, undefined, { retryFailed: true });
  expect(again.progress.steps.embed).toMatchObject({ done: 2, failed: 0, total: 2 });
  expect(again.progress.steps.caption).toMatchObject({ done: 2, total: 2 });
});

test("leaves captions out on request and writes them in a later run", async () => {
  const corpus = newCorpus();
  const without = await ingest(corpus, folderOf({ "a.png": png(71) }), { captions: false });
  expect(without.progress.steps.caption.total).toBe(0);
  const later = await ingest(corpus, undefined);
  expect(later.progress.steps.caption).toMatchObject({ done: 1, total: 1 });
  expect((await ingest(corpus, undefined)).progress.idle).toBe(true);
});

test("prepares an image that came another way", async () => {
  const corpus = newCorpus();
  await ingest(corpus, folderOf({ "a.png": png(81) }));
  const { id: corpusId } = await requireCorpus(corpus);
  const sha256 = await blobs.put(png(82));
  await registerImage(db, { corpusId, sha256, origin: "upload", attributes: {} });
  const { progress } = await ingest(corpus, undefined);
  expect(progress.steps.prepare).toMatchObject({ done: 2, total: 2 });
  expect(progress.steps.caption).toMatchObject({ done: 2, total: 2 });
  expect(await thumbnails.has(sha256, THUMBNAIL_VARIANT)).toBe(true);
});

test("keeps the old space until every picture is in that of a new model", async () => {
  const corpus = newCorpus();
  const root = folderOf({ "a.png": png(91), "b.png": png(92) });
  await ingest(corpus, root);
  const { id: corpusId } = await requireCorpus(corpus);
  const old = await activeSpace(db, corpusId);
  const during: (string | undefined)[] = [];
  const base = createFakeInference({
    readBlob: blobs.read,
    before: async (method) => {
      if (method === "embedImages") during.push((await activeSpace(db, corpusId))?.id);
    },
  });
  const newer: Inference = {
    ...base,
    models: async () =>
      (await base.models()).map((model): ModelInfo => ({ ...model, name: "newer", fingerprint: "f".repeat(64) })),
  };
  const { notes } = await ingest(corpus, undefined, { inference: newer, captions: false });
  expect(new Set(during)).toEqual(new Set([old?.id]));
  expect((await activeSpace(db, corpusId))?.name).toBe("newer");
  expect(notes.join()).toContain('in the space of "newer"');
  expect(await spacesOf(db, corpusId)).toHaveLength(2);
});

test("says which role is missing when no model can embed", async () => {
  const base = createFakeInference();
  const empty: Inference = { ...base, models: async () => [] };
  await expect(ingest(newCorpus(), folderOf({ "a.png": png(95) }), { inference: empty })).rejects.toMatchObject({
    code: "MODEL_MISSING",
  });
});
