import { InferenceError } from "@medley/inference-api";
import {
  activateSpace,
  createVectorIndex,
  type Database,
  ensureCorpus,
  ensureSpace,
  saveEmbeddings,
  searchEmbeddings,
} from "@medley/storage";
import { expect, test } from "vitest";
import { createRecallMeter } from "./recall-meter.ts";
import { searchImages } from "./search-images.ts";
import { openSampleLibrary } from "./testing/sample-library.ts";

const ROWS = 6_000;
const DIMENSIONS = 64;

/** Directions without any order, among which an index has the hardest time; the same in every run. */
function createDirections(): () => Float32Array {
  let state = 7;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 4_294_967_297;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return () => Float32Array.from({ length: DIMENSIONS }, normal);
}

async function registerMany(db: Database, corpusId: string): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `insert into images (corpus_id, sha256, attributes)
     select $1::uuid, md5(number::text) || md5((number + 1)::text), '{}' from generate_series(1, $2::integer) as number returning id`,
    [corpusId, ROWS],
  );
  return rows.map(({ id }) => id);
}

test("estimates of a real index the share that its searches truly find", async () => {
  await using library = await openSampleLibrary({ pictures: 0 });
  const { db } = library;
  const corpus = await ensureCorpus(db, { name: "directions" });
  const preprocessing = { imageSizePixels: 64 };
  const made = { fingerprint: "d".repeat(64), name: "directions", dimensions: DIMENSIONS, preprocessing };
  const space = await ensureSpace(db, made);
  const next = createDirections();
  const imageIds = await registerMany(db, corpus.id);
  const rows = imageIds.map((imageId) => ({ imageId, corpusId: corpus.id, embedding: next() }));
  await saveEmbeddings(db, { spaceId: space.id, rows });
  await createVectorIndex(db, space.id, { minimumRows: 1_000 });
  await activateSpace(db, corpus.id, space.id);

  let now = 0;
  const meter = createRecallMeter({ delayMs: 0, db, clock: () => (now += 1_000) });
  const shares: number[] = [];
  for (let search = 0; search < 8; search += 1) {
    const asked = { corpusId: corpus.id, spaceId: space.id, query: next(), limit: 100 };
    const found = await searchEmbeddings(db, asked);
    expect(found.mode).toBe("hnsw");
    const truth = new Set((await searchEmbeddings(db, { ...asked, mode: "exact" })).hits.map(({ imageId }) => imageId));
    shares.push(found.hits.filter(({ imageId }) => truth.has(imageId)).length / truth.size);
    now += 1_000_000;
    meter.observe(asked, found);
    await meter.settled();
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  // Otherwise the estimate could be 1 for any reason.
  expect(mean).toBeLessThan(1);
  const set = { corpusId: corpus.id, spaceId: space.id };
  expect(meter.estimateOf(set, "hnsw")).toBeCloseTo(mean, 6);

  // A search by a stored vector asks the index also while the models are away.
  library.interrupt("models", () => {
    throw new InferenceError("UNAVAILABLE", "away");
  });
  const [imageId = ""] = imageIds;
  const query = { corpus: corpus.name, all: [{ imageId }], candidates: 100 };
  const { report } = await searchImages({ ...library, recallMeter: meter, patienceMs: 0 }, query);
  expect(report).toMatchObject({ indexMode: "hnsw", estimatedRecall: expect.closeTo(mean, 6) as number });
});
