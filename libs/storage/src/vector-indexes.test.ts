import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { createVectorIndex, drawQueryVectors, saveEmbeddings, searchEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { activateSpace, ensureSpace } from "./spaces.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";
import { gaussianVector, randomSource } from "./testing/random-vectors.ts";
import { rebuildVectorIndex, vectorIndexesOf } from "./vector-indexes.ts";

const IMAGES = 300;
const DIMENSIONS = 16;

let database: TestDatabase;
let corpusId: string;
let spaceId: string;
const imageIds: string[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
  const { db } = database;
  corpusId = (await ensureCorpus(db, { name: "indexed" })).id;
  const model = { fingerprint: "f".repeat(64), name: "small", dimensions: DIMENSIONS, preprocessing: {} };
  spaceId = (await ensureSpace(db, model)).id;
  await activateSpace(db, corpusId, spaceId);
  await db.transaction(async (tx) => {
    for (let index = 0; index < IMAGES; index += 1) {
      const sha256 = index.toString(16).padStart(64, "0");
      imageIds.push((await registerImage(tx, { corpusId, sha256, origin: `${index}.png`, attributes: {} })).imageId);
    }
  });
  await writeVectors(1);
  await createVectorIndex(db, spaceId, { minimumRows: 1 });
});
afterAll(() => database?.[Symbol.asyncDispose]());

async function writeVectors(seed: number): Promise<void> {
  const random = randomSource(seed);
  const rows = imageIds.map((imageId) => ({ imageId, corpusId, embedding: gaussianVector(random, DIMENSIONS) }));
  await saveEmbeddings(database.db, { spaceId, rows });
}

const quiet = () => ({ signal: new AbortController().signal, onProgress: () => {} });
const pictureIndex = async () => {
  const found = (await vectorIndexesOf(database.db, spaceId)).find(({ table }) => table.startsWith("embeddings_"));
  if (!found) throw new Error("Bug: the space has no index");
  return found;
};

test("an index that many updates have bloated is smaller afterwards, under the same name, and searches find the same", async () => {
  const { db } = database;
  for (let seed = 2; seed < 8; seed += 1) await writeVectors(seed);
  const before = await pictureIndex();
  const [query] = await drawQueryVectors(db, { corpusId, spaceId, most: 1, seed: 0 });
  if (!query) throw new Error("Bug: no vector was drawn");
  const search = (mode: "hnsw" | "exact") => searchEmbeddings(db, { corpusId, spaceId, query, limit: 10, mode });
  const during = await Promise.all([
    rebuildVectorIndex(db, before, quiet()),
    ...Array.from({ length: 8 }, () => search("hnsw")),
  ]);
  for (const found of during.slice(1)) expect(found?.hits).toHaveLength(10);
  const after = await pictureIndex();
  expect(after.name).toBe(before.name);
  expect(after.build).not.toBe(before.build);
  expect(after.sizeBytes).toBeLessThan(before.sizeBytes);
  expect((await search("hnsw")).mode).toBe("hnsw");
  expect((await search("hnsw")).hits[0]).toEqual((await search("exact")).hits[0]);
});

test("vectors that are drawn to ask with are the same for the same seed", async () => {
  const draw = (seed: number) => drawQueryVectors(database.db, { corpusId, spaceId, most: 5, seed });
  expect(await draw(3)).toEqual(await draw(3));
  expect(await draw(3)).not.toEqual(await draw(4));
  expect(await draw(3)).toHaveLength(5);
});

// The embedded database has one backend, which nobody can interrupt.
test.runIf(process.env["TEST_DATABASE_URL"])(
  "a build that is told to stop ends, the index before goes on, and what it left is gone after the next",
  async () => {
    const { db } = database;
    const other = await database.openAnother();
    const before = await pictureIndex();
    const invalid = () =>
      db.query<{ name: string }>(
        `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
         where i.indrelid = to_regclass($1::text) and not i.indisvalid`,
        [before.table],
      );
    const stop = new AbortController();
    // A build waits for writers that began before it.
    await other.transaction(async (tx) => {
      await tx.query("update embeddings set corpus_id = corpus_id where space_id = $1::uuid", [spaceId]);
      const build = rebuildVectorIndex(db, before, { signal: stop.signal, onProgress: () => {} });
      const stopped = expect(build).rejects.toThrow("canceling statement");
      while ((await invalid()).length === 0) await wait(20);
      stop.abort();
      await stopped;
    });
    expect(await invalid()).toHaveLength(1);
    expect(await pictureIndex()).toEqual(before);
    await rebuildVectorIndex(db, before, quiet());
    expect(await invalid()).toEqual([]);
    expect((await pictureIndex()).build).not.toBe(before.build);
  },
);
