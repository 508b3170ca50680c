import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

// What foreign keys would promise of vectors; triggers do, once a statement.

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

let names = 0;
async function embedded() {
  names += 1;
  const corpus = await ensureCorpus(database.db, { name: `pictures ${names}` });
  const space = await ensureSpace(database.db, {
    fingerprint: `f${names}`,
    name: "b",
    dimensions: 2,
    preprocessing: {},
  });
  const imageIds: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    const sha256 = `${names}${index}`.padStart(64, "0");
    const image = { corpusId: corpus.id, sha256, origin: `${index}`, attributes: {} };
    imageIds.push((await registerImage(database.db, image)).imageId);
  }
  const rows = imageIds.map((imageId) => ({ imageId, corpusId: corpus.id, embedding: Float32Array.of(1, 0) }));
  return { corpusId: corpus.id, spaceId: space.id, imageIds, rows };
}

async function vectorsOf(imageIds: readonly string[]): Promise<number> {
  const [row] = await database.db.query<{ count: number }>(
    "select count(*)::integer as count from embeddings where image_id = any ($1::uuid[])",
    [imageIds],
  );
  return row?.count ?? -1;
}

test("stores nothing of a call in which one picture is of another corpus, and names picture and corpus", async () => {
  const [one, other] = [await embedded(), await embedded()];
  const rows = one.rows.map((row, index) => (index === 1 ? { ...row, corpusId: other.corpusId } : row));
  const saved = saveEmbeddings(database.db, { spaceId: one.spaceId, rows });
  await expect(saved).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining(`picture ${one.imageIds[1]} in corpus ${other.corpusId}`),
  });
  expect(await vectorsOf(one.imageIds)).toBe(0);
});

test("takes the vectors away with their picture, corpus or space, and no others", async () => {
  const [one, other] = [await embedded(), await embedded()];
  await saveEmbeddings(database.db, one);
  await saveEmbeddings(database.db, other);
  await saveEmbeddings(database.db, { ...one, spaceId: other.spaceId });
  expect([await vectorsOf(one.imageIds), await vectorsOf(other.imageIds)]).toEqual([6, 3]);
  await database.db.query("delete from images where id = $1::uuid", [one.imageIds[0]]);
  expect([await vectorsOf(one.imageIds), await vectorsOf(other.imageIds)]).toEqual([4, 3]);
  await database.db.query("delete from spaces where id = $1::uuid", [one.spaceId]);
  expect([await vectorsOf(one.imageIds), await vectorsOf(other.imageIds)]).toEqual([2, 3]);
  await database.db.query("delete from corpora where id = $1::uuid", [other.corpusId]);
  expect([await vectorsOf(one.imageIds), await vectorsOf(other.imageIds)]).toEqual([2, 0]);
});

// The embedded database has one session, which transactions take in turn.
test.runIf(process.env["TEST_DATABASE_URL"])("leaves no vector of a picture that goes away meanwhile", async () => {
  const deleting = await embedded();
  const writer = await database.openAnother();
  let saved: Promise<unknown> = Promise.resolve();
  await database.db.transaction(async (tx) => {
    await tx.query("delete from images where id = $1::uuid", [deleting.imageIds[0]]);
    saved = saveEmbeddings(writer, deleting).catch((error: unknown) => error);
    await wait(200);
  });
  expect(await saved).toMatchObject({ code: "NOT_FOUND" });
  expect(await vectorsOf(deleting.imageIds)).toBe(0);

  const writing = await embedded();
  let deleted: Promise<unknown> = Promise.resolve();
  await writer.transaction(async (tx) => {
    await saveEmbeddings(tx, writing);
    deleted = database.db.query("delete from images where id = $1::uuid", [writing.imageIds[0]]);
    await wait(200);
  });
  await deleted;
  expect(await vectorsOf(writing.imageIds)).toBe(2);
});
