import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBlobStore, openVariantStore } from "./blobs.ts";
import type { BlobStore, VariantStore } from "./picture-stores.ts";
import { addCaption, captionsOf } from "./captions.ts";
import { ensureCorpus } from "./corpora.ts";
import { findImage, registerImage } from "./images.ts";
import { deleteImageRows, lockBlobs, removeUnusedBlobs } from "./suspect-blobs.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { openTokenStore, type TokenStore } from "./tokens.ts";
import { beginReceiving, createUpload, markStored, rejectUpload } from "./uploads.ts";

let database: TestDatabase;
let blobs: BlobStore;
let thumbnails: VariantStore;
let tokens: TokenStore;
const corpora: string[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
  blobs = openBlobStore({ directory: join(database.home, "blobs") });
  thumbnails = openVariantStore({ directory: join(database.home, "thumbnails") });
  tokens = openTokenStore({ directory: join(database.home, "tokens") });
  for (const name of ["one", "two"]) corpora.push((await ensureCorpus(database.db, { name })).id);
});
afterAll(() => database[Symbol.asyncDispose]());

const remove = () => removeUnusedBlobs(database.db, { blobs, thumbnails, tokens });

async function addPicture(text: string, corpus = 0) {
  const sha256 = await blobs.put(Buffer.from(text));
  await thumbnails.write(sha256, "320.webp", Buffer.from("small"));
  const image = { corpusId: corpora[corpus] ?? "", sha256, origin: "a.png", attributes: {} };
  return { sha256, ...(await registerImage(database.db, image)) };
}

test("removes a deleted image's captions, file, thumbnail and tokens of every model, but not while another corpus has the same bytes", async () => {
  const one = await addPicture("shared");
  const two = await addPicture("shared", 1);
  const made = { data: new Uint16Array([1, 2]), tokens: 1, width: 2 };
  for (const model of ["small", "large"]) await tokens.write(model, one.sha256, made);
  await addCaption(database.db, { imageId: one.imageId, text: "a dog", source: "HUMAN" });
  expect(await deleteImageRows(database.db, one.imageId)).toEqual({ sha256: one.sha256 });
  expect(await findImage(database.db, one.imageId)).toBeNull();
  expect((await captionsOf(database.db, [one.imageId])).get(one.imageId)).toEqual([]);
  expect(await remove()).toBe(0);
  expect([await blobs.has(one.sha256), await tokens.has("small", one.sha256)]).toEqual([true, true]);
  await deleteImageRows(database.db, two.imageId);
  expect(await remove()).toBe(1);
  expect([await blobs.has(one.sha256), await thumbnails.has(one.sha256, "320.webp")]).toEqual([false, false]);
  expect([await tokens.has("small", one.sha256), await tokens.has("large", one.sha256)]).toEqual([false, false]);
  expect(await deleteImageRows(database.db, one.imageId)).toBeNull();
});

test("removes the others where one cannot be removed, says why, and removes that one as soon as it can be", async () => {
  const pictures = [await addPicture("stuck"), await addPicture("free"), await addPicture("free too")];
  for (const { imageId } of pictures) await deleteImageRows(database.db, imageId);
  const stuck = pictures[0]?.sha256 ?? "";
  const refusing: BlobStore = {
    ...blobs,
    remove: async (sha256) => (sha256 === stuck ? Promise.reject(new Error("EPERM")) : blobs.remove(sha256)),
  };
  await expect(removeUnusedBlobs(database.db, { blobs: refusing, thumbnails })).rejects.toThrow("EPERM");
  expect(await Promise.all(pictures.map(({ sha256 }) => blobs.has(sha256)))).toEqual([true, false, false]);
  expect(await remove()).toBe(1);
  expect(await blobs.has(stuck)).toBe(false);
});

test("keeps the bytes of a stored upload, and removes them when it is rejected", async () => {
  const { sha256, imageId } = await addPicture("uploaded");
  const more = { name: null, text: null, attributes: {}, sizeBytes: null, expiresAt: new Date(Date.now() + 60_000) };
  const { id: uploadId } = await createUpload(database.db, { corpusId: corpora[0] ?? "", ...more });
  const writer = randomUUID();
  await beginReceiving(database.db, { uploadId, writer });
  await markStored(database.db, { uploadId, writer, sha256 });
  await deleteImageRows(database.db, imageId);
  expect(await remove()).toBe(0);
  await rejectUpload(database.db, { uploadId, code: "TRUNCATED", message: "cut off" });
  expect(await remove()).toBe(1);
  expect(await blobs.has(sha256)).toBe(false);
});

/** What every registration does: the file first, then the row under the lock, and the file again where it was removed in between. */
async function register(bytes: Buffer): Promise<{ imageId: string; sha256: string }> {
  for (;;) {
    const sha256 = await blobs.put(bytes);
    const imageId = await database.db.transaction(async (tx) => {
      await lockBlobs(tx, [sha256]);
      if (!(await blobs.has(sha256))) return null;
      const image = { corpusId: corpora[0] ?? "", sha256, origin: "b.png", attributes: {} };
      return (await registerImage(tx, image)).imageId;
    });
    if (imageId !== null) return { imageId, sha256 };
  }
}

test("no row is left without its file when pictures are deleted, removed and registered at the same time", async () => {
  const bytes = Buffer.from("contended");
  let { imageId } = await register(bytes);
  for (let round = 0; round < 25; round += 1) {
    await deleteImageRows(database.db, imageId);
    const [registered] = await Promise.all([register(bytes), remove(), remove()]);
    ({ imageId } = registered);
    expect(await blobs.has(registered.sha256)).toBe(true);
  }
});
