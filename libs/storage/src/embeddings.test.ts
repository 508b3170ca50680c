import { afterAll, beforeAll, expect, test } from "vitest";
import { type Corpus, ensureCorpus } from "./corpora.ts";
import {
  countEmbeddings,
  createVectorIndex,
  indexSearchSql,
  requireIndexScan,
  saveEmbeddings,
  searchEmbeddings,
} from "./embeddings.ts";
import { encodeVector, normalise } from "./float-vector.ts";
import { registerImage } from "./images.ts";
import { type Space, ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { gaussianVector, randomSource } from "./testing/random-vectors.ts";

let database: TestDatabase;
let corpus: Corpus;
beforeAll(async () => {
  database = await openTestDatabase();
  corpus = await ensureCorpus(database.db, { name: "vectors" });
});
afterAll(() => database[Symbol.asyncDispose]());

let spaces = 0;
function newSpace(dimensions: number): Promise<Space> {
  spaces += 1;
  return ensureSpace(database.db, { fingerprint: `f${spaces}`, name: "blip-base", dimensions, preprocessing: {} });
}

const sha = (index: number) => index.toString(16).padStart(64, "0");

async function registerMany(target: Corpus, count: number): Promise<string[]> {
  const rows = await database.db.query<{ id: string }>(
    `insert into images (corpus_id, sha256) select $1::uuid, lpad(to_hex(n), 64, '0') from generate_series(1, $2::integer) n
     returning id`,
    [target.id, count],
  );
  return rows.map(({ id }) => id);
}

test("gives cosines of the saved vectors, best first, with ties in the order of the ids", async () => {
  const space = await newSpace(2);
  const target = await ensureCorpus(database.db, { name: "ties" });
  const angles = [0, 90, 180, 60, 60];
  const rows = [];
  for (const [index, degrees] of angles.entries()) {
    const { imageId } = await registerImage(database.db, {
      corpusId: target.id,
      sha256: sha(index),
      origin: `${index}`,
      attributes: {},
    });
    const radians = (degrees * Math.PI) / 180;
    const embedding = Float32Array.of(3 * Math.cos(radians), 3 * Math.sin(radians));
    rows.push({ imageId, corpusId: target.id, embedding });
  }
  await saveEmbeddings(database.db, { spaceId: space.id, rows });
  await saveEmbeddings(database.db, { spaceId: space.id, rows: [...rows, ...rows] });
  expect(await countEmbeddings(database.db, space.id)).toBe(5);
  const { hits, mode } = await searchEmbeddings(database.db, {
    corpusId: target.id,
    spaceId: space.id,
    query: Float32Array.of(10, 0),
    limit: 10,
  });
  expect(mode).toBe("exact");
  for (const [index, cosine] of [1, 0.5, 0.5, 0, -1].entries()) expect(hits[index]?.itcCosine).toBeCloseTo(cosine, 6);
  const tied = [rows[3]?.imageId ?? "", rows[4]?.imageId ?? ""].sort();
  expect(hits.slice(1, 3).map(({ imageId }) => imageId)).toEqual(tied);
  expect(hits[0]).toMatchObject({ imageId: rows[0]?.imageId, sha256: sha(0) });
});

test("names both sizes when a vector does not fit its space", async () => {
  const space = await newSpace(256);
  const [imageId = ""] = await registerMany(await ensureCorpus(database.db, { name: "sizes" }), 1);
  const mismatch = {
    code: "DIMENSION_MISMATCH",
    message: expect.stringMatching(/512 dimensions.*"blip-base" stores 256/) as string,
  };
  const embedding = new Float32Array(512).fill(1);
  const rows = [{ imageId, corpusId: corpus.id, embedding }];
  await expect(saveEmbeddings(database.db, { spaceId: space.id, rows })).rejects.toMatchObject(mismatch);
  await expect(
    searchEmbeddings(database.db, { corpusId: corpus.id, spaceId: space.id, query: embedding, limit: 1 }),
  ).rejects.toMatchObject(mismatch);
});

test("refuses a vector without a direction and an image that does not exist", async () => {
  const space = await newSpace(2);
  const save = (embedding: Float32Array, imageId: string) =>
    saveEmbeddings(database.db, { spaceId: space.id, rows: [{ imageId, corpusId: corpus.id, embedding }] });
  const missing = "00000000-0000-4000-8000-000000000000";
  await expect(save(Float32Array.of(0, 0), missing)).rejects.toMatchObject({ code: "INVALID_VALUE" });
  await expect(save(Float32Array.of(Number.NaN, 1), missing)).rejects.toMatchObject({ code: "INVALID_VALUE" });
  await expect(save(Float32Array.of(1, 0), missing)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("finds at least 95 of the true 100 neighbours with the index, which the planner really uses", async () => {
  const dimensions = 32;
  const space = await newSpace(dimensions);
  const random = randomSource(7);
  const imageIds = await registerMany(corpus, 5_500);
  const centres = Array.from({ length: 60 }, () => gaussianVector(random, dimensions));
  const nearCentre = (index: number) => {
    const centre = centres[index % centres.length] ?? new Float32Array(dimensions);
    return gaussianVector(random, dimensions).map((value, axis) => 0.6 * value + (centre[axis] ?? 0));
  };
  await saveEmbeddings(database.db, {
    spaceId: space.id,
    rows: imageIds.map((imageId, index) => ({ imageId, corpusId: corpus.id, embedding: nearCentre(index) })),
  });
  expect(await createVectorIndex(database.db, space.id, { minimumRows: 7_000 })).toEqual({
    created: false,
    rows: 5_500,
  });
  const search = { corpusId: corpus.id, spaceId: space.id, limit: 100 };
  const unindexed = await searchEmbeddings(database.db, { ...search, query: nearCentre(0), mode: "hnsw" });
  expect(unindexed.mode).toBe("exact");
  expect(await createVectorIndex(database.db, space.id, { minimumRows: 1_000 })).toEqual({
    created: true,
    rows: 5_500,
  });

  let found = 0;
  const queries = 20;
  for (let index = 0; index < queries; index += 1) {
    const query = nearCentre(index);
    const exact = await searchEmbeddings(database.db, { ...search, query, mode: "exact" });
    const nearest = await searchEmbeddings(database.db, { ...search, query });
    expect([exact.mode, nearest.mode, nearest.hits.length]).toEqual(["exact", "hnsw", 100]);
    const truth = new Set(exact.hits.map(({ imageId }) => imageId));
    found += nearest.hits.filter(({ imageId }) => truth.has(imageId)).length;
  }
  expect(found / (queries * 100)).toBeGreaterThanOrEqual(0.95);

  const plan = await database.db.transaction(async (db) => {
    await requireIndexScan(db, 100);
    return db.query<{ "QUERY PLAN": string }>(`explain ${indexSearchSql(dimensions)}`, [
      space.id,
      corpus.id,
      encodeVector(normalise(nearCentre(1)) ?? new Float32Array(dimensions)),
      100,
    ]);
  });
  expect(plan.map((line) => line["QUERY PLAN"]).join("\n")).toMatch(/Index Scan using embeddings_[0-9a-f]{32}_hnsw/);
});

test("a small corpus in a large indexed space gets all its hits", async () => {
  const [space] = await database.db.query<{ id: string }>(
    "select space_id as id from embeddings group by space_id order by count(*) desc limit 1",
    [],
  );
  const small = await ensureCorpus(database.db, { name: "small" });
  const random = randomSource(9);
  const rows = (await registerMany(small, 20)).map((imageId) => ({
    imageId,
    corpusId: small.id,
    embedding: gaussianVector(random, 32),
  }));
  await saveEmbeddings(database.db, { spaceId: space?.id ?? "", rows });
  const search = { corpusId: small.id, spaceId: space?.id ?? "", query: gaussianVector(random, 32), limit: 10 };
  expect(await searchEmbeddings(database.db, search)).toMatchObject({ mode: "exact", hits: { length: 10 } });
  expect((await searchEmbeddings(database.db, { ...search, mode: "hnsw" })).hits).toHaveLength(10);
});
