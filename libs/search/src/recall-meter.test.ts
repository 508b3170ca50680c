import { type Database, searchEmbeddings, type VectorHit, type VectorSearch } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRecallMeter } from "./recall-meter.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 12 });
});
afterAll(() => library?.[Symbol.asyncDispose]());

const set = () => ({ corpusId: library.corpus.id, spaceId: library.space.id });
const queryFor = (seed: number) =>
  Float32Array.from({ length: library.space.dimensions }, (_, axis) => Math.sin(1 + seed * (axis + 1)));

async function searchOf(seed: number, limit = 8): Promise<{ search: VectorSearch; hits: VectorHit[] }> {
  const search = { ...set(), query: queryFor(seed), limit };
  return { search, hits: (await searchEmbeddings(library.db, { ...search, mode: "exact" })).hits };
}

test("knows nothing before the first check", () => {
  const meter = createRecallMeter({ delayMs: 0, db: library.db });
  expect(meter.estimateOf(set(), "hnsw")).toBeNull();
});

test("does not check a search that compared every vector", async () => {
  const statements: string[] = [];
  const transaction: Database["transaction"] = (work) => {
    statements.push("begin");
    return library.db.transaction(work);
  };
  const meter = createRecallMeter({ delayMs: 0, db: { ...library.db, transaction } });
  const { search, hits } = await searchOf(9);
  meter.observe(search, { hits, mode: "exact" });
  await meter.settled();
  expect(statements).toEqual([]);
  meter.observe(search, { hits, mode: "hnsw" });
  await meter.settled();
  expect(statements).toEqual(["begin"]);
});

test("takes the mean share of the truly nearest that searches of a corpus had found, each way of searching by itself", async () => {
  let now = 0;
  const meter = createRecallMeter({ delayMs: 0, db: library.db, clock: () => (now += 1_000) });
  for (const [seed, missed] of [0, 2, 4].entries()) {
    const { search, hits } = await searchOf(seed);
    now += 1_000_000;
    meter.observe(search, { hits: hits.slice(missed), mode: "hnsw" });
    await meter.settled();
  }
  expect(meter.estimateOf(set(), "hnsw")).toBeCloseTo((8 + 6 + 4) / 24);
  expect(meter.estimateOf(set(), "hotTier")).toBeNull();
  expect(meter.estimateOf({ ...set(), corpusId: library.space.id }, "hnsw")).toBeNull();
});

test("looks for what passes the filter of the search, and at no other picture", async () => {
  const meter = createRecallMeter({ delayMs: 0, db: library.db });
  const search = { ...set(), query: queryFor(1), limit: 8, filter: { attribute: { name: "number", in: [1, 2] } } };
  const { hits } = await searchEmbeddings(library.db, { ...search, mode: "exact" });
  expect(hits).toHaveLength(2);
  meter.observe(search, { hits, mode: "hotTier" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hotTier")).toBe(1);
});

test("counts a picture as found that is as near as the last of the truly nearest", async () => {
  const meter = createRecallMeter({ delayMs: 0, db: library.db });
  const { search, hits } = await searchOf(2);
  const last = hits.at(-1) as VectorHit;
  const twin = { ...last, imageId: "00000000-0000-4000-8000-000000000000" };
  meter.observe(search, { hits: [...hits.slice(0, -1), twin], mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
});

test("checks one search at a time and rests fifty times as long as that took", async () => {
  let now = 0;
  const db: Database = {
    ...library.db,
    async transaction(work) {
      const done = await library.db.transaction(work);
      now += 10;
      return done;
    },
  };
  const meter = createRecallMeter({ delayMs: 0, db, clock: () => now });
  const { search, hits } = await searchOf(3);
  const observe = (missed: number) => meter.observe(search, { hits: hits.slice(missed), mode: "hnsw" });
  observe(0);
  observe(8);
  await meter.settled();
  now = 10 + 499;
  observe(8);
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
  now = 10 + 500;
  observe(8);
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(0.5);
});

test("forgets all but the last 64 checks", async () => {
  let now = 0;
  const meter = createRecallMeter({ delayMs: 0, db: library.db, clock: () => now });
  const { search, hits } = await searchOf(4);
  for (let check = 0; check < 70; check += 1) {
    now += 1;
    meter.observe(search, { hits: check < 6 ? [] : hits, mode: "hnsw" });
    await meter.settled();
  }
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
});

test("does not let a tie make up for a nearer picture that was missed", async () => {
  const meter = createRecallMeter({ delayMs: 0, db: library.db });
  const { search, hits } = await searchOf(5);
  const twin = { ...(hits.at(-1) as VectorHit), imageId: "00000000-0000-4000-8000-000000000000" };
  meter.observe(search, { hits: [...hits.slice(1), twin], mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(7 / 8);
});

test("says when a check fails, learns nothing from it, and checks no more of that corpus for an hour", async () => {
  let now = 0;
  const said: string[] = [];
  const log = (_fields: object, message: string) => void said.push(message);
  const meter = createRecallMeter({ delayMs: 0, db: library.db, clock: () => now, log });
  const { search, hits } = await searchOf(6);
  const observe = async (query = search.query) => {
    meter.observe({ ...search, query }, { hits, mode: "hnsw" });
    await meter.settled();
    return meter.estimateOf(set(), "hnsw");
  };
  expect(await observe(Float32Array.of(1, 2))).toBeNull();
  expect(said).toEqual([expect.stringContaining("recall not estimated")]);
  now = 3_599_999;
  expect(await observe()).toBeNull();
  now = 3_600_000;
  expect(await observe()).toBe(1);
  expect(said).toHaveLength(1);
});

test("gives up a check that takes longer than two seconds", async () => {
  const statements: string[] = [];
  const db: Database = {
    ...library.db,
    transaction: (work) =>
      library.db.transaction((tx) =>
        work({
          query(text, values) {
            statements.push(text);
            return tx.query(text, values);
          },
        }),
      ),
  };
  let now = 0;
  const meter = createRecallMeter({ delayMs: 0, db, clock: () => (now += 2_001) });
  const { search, hits } = await searchOf(7);
  meter.observe(search, { hits, mode: "hnsw" });
  await meter.settled();
  expect(statements[0]).toBe("set local statement_timeout = 2000");
  now += 1_000_000;
  meter.observe(search, { hits: [], mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
});

test("begins no check once it is closed, and does not wait for one that was to come", async () => {
  const meter = createRecallMeter({ delayMs: 60_000, db: library.db });
  const { search, hits } = await searchOf(8);
  meter.observe(search, { hits, mode: "hnsw" });
  await meter[Symbol.asyncDispose]();
  meter.observe(search, { hits, mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBeNull();
});
