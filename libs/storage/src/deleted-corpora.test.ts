import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBlobStore, openVariantStore } from "./blobs.ts";
import { addCaption } from "./captions.ts";
import { corpusOfCaption, ensureCorpus, findCorpora, findCorpus, findCorpusById, listCorpora } from "./corpora.ts";
import { clearDeletedCorpora, corporaToClear, deleteCorpus } from "./deleted-corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { findImage, registerImage } from "./images.ts";
import { cancelOperation, createOperation, findOperation } from "./operations.ts";
import type { BlobStore, VariantStore } from "./picture-stores.ts";
import { activateSpace, ensureSpace } from "./spaces.ts";
import { claimSteps, planSteps } from "./steps.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { beginReceiving, createUpload, findUpload, markStored } from "./uploads.ts";

let database: TestDatabase;
let files: { blobs: BlobStore; thumbnails: VariantStore };
beforeAll(async () => {
  database = await openTestDatabase();
  files = {
    blobs: openBlobStore({ directory: join(database.home, "blobs") }),
    thumbnails: openVariantStore({ directory: join(database.home, "thumbnails") }),
  };
});
afterAll(() => database[Symbol.asyncDispose]());

const remove = (corpusId: string) => database.db.transaction((tx) => deleteCorpus(tx, corpusId));

/** A corpus with pictures, each with a caption, a vector, a near-duplicate and open steps. */
async function corpusOf(name: string, texts: readonly string[]) {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name });
  const space = await ensureSpace(db, { fingerprint: "f".repeat(64), name: "small", dimensions: 3, preprocessing: {} });
  const pictures: { sha256: string; imageId: string; captionId: string }[] = [];
  for (const text of texts) {
    const sha256 = await files.blobs.put(Buffer.from(text));
    const { imageId } = await registerImage(db, { corpusId, sha256, origin: `${text}.png`, attributes: {} });
    const { id: captionId } = await addCaption(db, { imageId, text, source: "HUMAN" });
    pictures.push({ sha256, imageId, captionId });
  }
  const imageIds = pictures.map(({ imageId }) => imageId);
  await planSteps(db, { corpusId, spaceId: space.id, steps: ["prepare", "embed"], imageIds });
  await saveEmbeddings(db, {
    spaceId: space.id,
    rows: imageIds.map((imageId) => ({ imageId, corpusId, embedding: new Float32Array([1, 0, 0]) })),
  });
  await activateSpace(db, corpusId, space.id);
  return { corpusId, pictures };
}

/** Rows of every table that has a corpus's id. */
async function rowsOf(corpusId: string): Promise<Record<string, number>> {
  const tables = await database.db.query<{ name: string }>(
    `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = 'public' and c.column_name = 'corpus_id' and t.table_type = 'BASE TABLE' and c.table_name <> 'search_changes'`,
    [],
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const rows = await database.db.query(`select 1 from "${name}" where corpus_id = $1::uuid`, [corpusId]);
    if (rows.length > 0) counts[name] = rows.length;
  }
  return counts;
}

test("a deleted corpus and its pictures are found no more at once, no worker gets its steps, and its name is free", async () => {
  const { db } = database;
  const { corpusId, pictures } = await corpusOf("holiday", ["a dog", "a cat"]);
  const [{ imageId, captionId } = { imageId: "", captionId: "" }] = pictures;
  const running = await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" });
  const operation = await remove(corpusId);
  expect(operation).toMatchObject({ kind: "DELETE_CORPUS", corpusId: null, counts: { images: 2, imagesDeleted: 0 } });
  expect([await findCorpus(db, "holiday"), await findCorpusById(db, corpusId)]).toEqual([null, null]);
  expect(await findCorpora(db, ["holiday", corpusId])).toEqual([]);
  expect((await listCorpora(db)).map(({ id }) => id)).not.toContain(corpusId);
  expect([await findImage(db, imageId), await corpusOfCaption(db, captionId)]).toEqual([null, null]);
  expect((await findOperation(db, running.id))?.state).toBe("CANCELLED");
  const claim = { corpusId, step: "prepare", spaceId: null, limit: 10, owner: "worker", leaseMs: 1_000 } as const;
  expect(await claimSteps(db, claim)).toEqual([]);
  const late = registerImage(db, { corpusId, sha256: "b".repeat(64), origin: "late.png", attributes: {} });
  await expect(late).rejects.toMatchObject({ code: "NOT_FOUND" });
  const again = await ensureCorpus(db, { name: "holiday" });
  expect(again.id).not.toBe(corpusId);
  await expect(remove(corpusId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await clearDeletedCorpora(db, files);
  expect((await findCorpus(db, "holiday"))?.id).toBe(again.id);
});

test("removes every row of the corpus and every file that no other corpus has, and leaves the others alone", async () => {
  const { db } = database;
  const kept = await corpusOf("kept", ["shared", "own"]);
  const before = await rowsOf(kept.corpusId);
  const { corpusId, pictures } = await corpusOf("going", ["shared", "gone"]);
  expect(Object.keys(await rowsOf(corpusId)).length).toBeGreaterThan(3);
  const { id } = await remove(corpusId);
  expect(await clearDeletedCorpora(db, files)).toBe(true);
  expect(await rowsOf(corpusId)).toEqual({});
  const ids = pictures.map(({ imageId }) => imageId);
  expect(await db.query("select 1 from captions where image_id = any ($1::uuid[])", [ids])).toEqual([]);
  expect(await findOperation(db, id)).toMatchObject({ state: "SUCCEEDED", counts: { images: 2, imagesDeleted: 2 } });
  expect(await Promise.all(pictures.map(({ sha256 }) => files.blobs.has(sha256)))).toEqual([true, false]);
  expect(await rowsOf(kept.corpusId)).toEqual(before);
});

test("goes on where it was stopped, also when several are at it, and counts every picture once", async () => {
  const { db } = database;
  const { corpusId } = await corpusOf("large", ["1", "2", "3", "4", "5"]);
  const { id } = await remove(corpusId);
  const stop = new AbortController();
  const batches = { imagesPerBatch: 2, onBatch: () => stop.abort() };
  expect(await clearDeletedCorpora(db, files, { ...batches, signal: stop.signal })).toBe(false);
  expect(await findOperation(db, id)).toMatchObject({ state: "RUNNING", counts: { images: 5, imagesDeleted: 2 } });
  const other = await database.openAnother();
  await Promise.all([db, other].map((each) => clearDeletedCorpora(each, files, { imagesPerBatch: 1 })));
  expect(await corporaToClear(db)).toEqual([]);
  expect(await findOperation(db, id)).toMatchObject({ state: "SUCCEEDED", counts: { images: 5, imagesDeleted: 5 } });
});

test("cannot be cancelled, and the refusal changes nothing", async () => {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: "decided" });
  const { id } = await remove(corpusId);
  const cancelled = db.transaction((tx) => cancelOperation(tx, id));
  await expect(cancelled).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining("deleted already"),
  });
  expect((await findOperation(db, id))?.state).toBe("QUEUED");
  await clearDeletedCorpora(db, files);
  expect((await findOperation(db, id))?.state).toBe("SUCCEEDED");
});

test("refuses the uploads that were on their way into it, and removes their bytes", async () => {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: "awaiting" });
  const expected = {
    name: null,
    text: null,
    attributes: {},
    sizeBytes: null,
    expiresAt: new Date(Date.now() + 60_000),
  };
  const stored = await createUpload(db, { corpusId, ...expected });
  const receiving = await createUpload(db, { corpusId, ...expected });
  const writer = randomUUID();
  const sha256 = await files.blobs.put(Buffer.from("uploaded"));
  await beginReceiving(db, { uploadId: stored.id, writer });
  await markStored(db, { uploadId: stored.id, writer, sha256 });
  await beginReceiving(db, { uploadId: receiving.id, writer });
  await remove(corpusId);
  for (const { id } of [stored, receiving]) {
    expect(await findUpload(db, id)).toMatchObject({ state: "REJECTED", errorCode: "CORPUS_DELETED" });
  }
  expect(await markStored(db, { uploadId: receiving.id, writer, sha256 })).toBeNull();
  await clearDeletedCorpora(db, files);
  expect(await files.blobs.has(sha256)).toBe(false);
});
