import { searchEmbeddings, type VectorHit, type VectorSearch } from "@medley/storage";
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

test("knows nothing before the first check, and is certain where every vector was compared", () => {
  const meter = createRecallMeter({ db: library.db });
  expect(meter.estimateOf(set(), "hnsw")).toBeNull();
  expect(meter.estimateOf(set(), "exact")).toBe(1);
});

test("takes the mean share of the truly nearest that searches of a corpus had found, each way of searching by itself", async () => {
  let now = 0;
  const meter = createRecallMeter({ db: library.db, clock: () => (now += 1_000) });
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
  const meter = createRecallMeter({ db: library.db });
  const search = { ...set(), query: queryFor(1), limit: 8, filter: { attribute: { name: "number", in: [1, 2] } } };
  const { hits } = await searchEmbeddings(library.db, { ...search, mode: "exact" });
  expect(hits).toHaveLength(2);
  meter.observe(search, { hits, mode: "hotTier" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hotTier")).toBe(1);
});

test("counts a picture as found that is as near as the last of the truly nearest", async () => {
  const meter = createRecallMeter({ db: library.db });
  const { search, hits } = await searchOf(2);
  const last = hits.at(-1) as VectorHit;
  const twin = { ...last, imageId: "00000000-0000-4000-8000-000000000000" };
  meter.observe(search, { hits: [...hits.slice(0, -1), twin], mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
});

test("checks one search at a time and rests fifty times as long as that took", async () => {
  let now = 0;
  const meter = createRecallMeter({ db: library.db, clock: () => now });
  const { search, hits } = await searchOf(3);
  const observe = (missed: number) => meter.observe(search, { hits: hits.slice(missed), mode: "hnsw" });
  observe(0);
  now = 10;
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
  const meter = createRecallMeter({ db: library.db, clock: () => now });
  const { search, hits } = await searchOf(4);
  for (let check = 0; check < 70; check += 1) {
    now += 1;
    meter.observe(search, { hits: check < 6 ? [] : hits, mode: "hnsw" });
    await meter.settled();
  }
  expect(meter.estimateOf(set(), "hnsw")).toBe(1);
});

test("goes on when a check fails, and learns nothing from it", async () => {
  const meter = createRecallMeter({ db: library.db });
  meter.observe({ ...set(), query: Float32Array.of(1, 2), limit: 8 }, { hits: [], mode: "hnsw" });
  await meter.settled();
  expect(meter.estimateOf(set(), "hnsw")).toBeNull();
});
