import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openScan } from "@medley/scan";
import {
  createHotTier,
  createRecallMeter,
  type HotTier,
  type Refinement,
  refineSearch,
  searchImages,
  type VectorScan,
} from "@medley/search";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import {
  type Database,
  openDatabase,
  registerImage,
  saveEmbeddings,
  searchEmbeddings,
  type VectorHit,
  type VectorSearch,
} from "@medley/storage";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

// A real engine, real sessions in a real thread: what the tier says is compared with the database comparing every vector.
const PICTURES = 40;
const MORE = 3_000;
const LIMIT = 50;

let library: SampleLibrary;
const directory = mkdtempSync(join(tmpdir(), "medley-hot-tier-"));
let hotTier: HotTier;
const scans: VectorScan[] = [];
const logged: string[] = [];

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
  await addPictures(MORE);
});
afterAll(async () => {
  await hotTier?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  await hotTier?.[Symbol.asyncDispose]();
  logged.length = 0;
  hotTier = createHotTier({
    db: library.db,
    fromVectors: 1_000,
    log: (_fields, message) => void logged.push(message),
    openScan: async (rows) => {
      const scan = await openScan({ ...rows, directory });
      if (scan) scans.push(scan);
      return scan;
    },
  });
  await hotTier.prepare();
  await hotTier.settled();
});

test("finds what comparing every vector in the database finds", async () => {
  for (let index = 0; index < 20; index += 1) {
    const search = searchFor(randomUnit(index));
    expectSame(await hotTier.search(search), await exactly(search));
  }
});

test("finds a vector that was written after loading in the next search, by whichever connection it was written", async () => {
  await using other = await openDatabase({ home: library.home, databaseUrl: process.env["TEST_DATABASE_URL"] });
  const query = randomUnit(1_000);
  const [imageId] = await addPictures(1, { db: other, vectors: [query] });
  const hits = await hotTier.search(searchFor(query));
  expect(hits?.[0]).toMatchObject({ imageId, itcCosine: expect.closeTo(1, 5) });
  expectSame(hits, await exactly(searchFor(query)));
});

test("finds a picture by its new vector and not by the one that was replaced", async () => {
  const [before, after] = [randomUnit(2_000), randomUnit(2_001)];
  const [imageId = ""] = await addPictures(1, { vectors: [before] });
  await reload();
  expect((await hotTier.search(searchFor(before)))?.[0]?.imageId).toBe(imageId);
  await saveVectors([imageId], [after]);
  expect((await hotTier.search(searchFor(after)))?.[0]).toMatchObject({ imageId, itcCosine: expect.closeTo(1, 5) });
  expectSame(await hotTier.search(searchFor(before)), await exactly(searchFor(before)));
});

test("never finds a picture again that was deleted, and fills its place with the next one", async () => {
  const query = randomUnit(3_000);
  const gone = (await hotTier.search(searchFor(query)))?.slice(0, 3) ?? [];
  expect(gone).toHaveLength(3);
  await library.db.query("delete from images where id = any ($1::uuid[])", [gone.map(({ imageId }) => imageId)]);
  const hits = await hotTier.search(searchFor(query));
  expect(hits).toHaveLength(LIMIT);
  expectSame(hits, await exactly(searchFor(query)));
});

test("looks only at what passes a filter once it knows the filter, and asks the database until then and after changes", async () => {
  const filter = { attribute: { name: "seventh", in: [3] } };
  const search = { ...searchFor(randomUnit(4_000)), filter };
  expect(await hotTier.search(search)).toBeNull();
  const known = await untilAnswered(search);
  expectSame(known, await exactly(search));

  const [imageId = ""] = await addPictures(1, { vectors: [search.query], attributes: { seventh: 3 } });
  expect(await hotTier.search(search)).toBeNull();
  expect((await untilAnswered(search))[0]?.imageId).toBe(imageId);

  await library.db.query(`update images set attributes = '{"seventh": 4}' where id = $1::uuid`, [imageId]);
  expect(await hotTier.search(search)).toBeNull();
  const without = await untilAnswered(search);
  expect(without.map((hit) => hit.imageId)).not.toContain(imageId);
  expectSame(without, await exactly(search));
});

test("answers 40 searches at once, some with filters, while vectors are written and deleted, and misses nothing that was there", async () => {
  const filter = { attribute: { name: "seventh", in: [5] } };
  await untilAnswered({ ...searchFor(randomUnit(5_000)), filter });
  const written = randomUnit(5_001);
  const [imageId = ""] = await addPictures(1, { vectors: [written] });
  const searches = Array.from({ length: 40 }, (_, index) => ({
    ...searchFor(index === 7 ? written : randomUnit(5_100 + index)),
    ...(index % 3 === 0 && { filter }),
  }));
  const answers = await Promise.all(searches.map((search) => hotTier.search(search)));
  expect(answers[7]?.[0]?.imageId).toBe(imageId);
  for (const [index, search] of searches.entries()) {
    if (answers[index]) expectSame(answers[index], await exactly(search));
    else expect(search.filter).toBeDefined();
  }
});

test("lets the database answer, and says so in the report, when the thread has died; loads again later", async () => {
  const ask = () =>
    searchImages({ ...library, hotTier }, { corpus: library.corpus.name, all: [{ text: "a picture" }] });
  expect((await ask()).report.indexMode).toBe("hotTier");
  await scans.at(-1)?.[Symbol.asyncDispose]();
  const { hits, report } = await ask();
  expect(report.indexMode).toBe("exact");
  expect(hits.length).toBeGreaterThan(0);
  expect(logged.at(-1)).toContain("the database answers");
});

test("answers every event of a watched search out of the same look into memory", async () => {
  const seen: Refinement[] = [];
  const query = { corpus: library.corpus.name, all: [{ text: "a picture" }], candidates: PICTURES };
  const watch = { signal: new AbortController().signal, onRefined: (one: Refinement) => void seen.push(one) };
  await refineSearch({ ...library, hotTier }, query, null, watch);
  expect(seen.length).toBeGreaterThan(1);
  expect(new Set(seen.map(({ page }) => page.report.indexMode))).toEqual(new Set(["hotTier"]));
  expect(seen.at(-1)?.isFinal).toBe(true);
});

test("says in the report what recall it has had, once a search was repeated exactly", async () => {
  const recallMeter = createRecallMeter({ db: library.db, delayMs: 0 });
  const ask = async () => {
    const query = { corpus: library.corpus.name, all: [{ text: "a picture" }] };
    return (await searchImages({ ...library, hotTier, recallMeter }, query)).report;
  };
  expect(await ask()).toMatchObject({ indexMode: "hotTier", estimatedRecall: null });
  await recallMeter.settled();
  expect(await ask()).toMatchObject({ indexMode: "hotTier", estimatedRecall: 1 });
});

test("leaves corpora below the set number of vectors to the database", async () => {
  await using small = createHotTier({
    db: library.db,
    fromVectors: 1_000_000,
    openScan: () => Promise.reject(new Error("opened")),
  });
  expect(await small.search(searchFor(randomUnit(1)))).toBeNull();
  await small.settled();
  expect(await small.search(searchFor(randomUnit(1)))).toBeNull();
});

async function reload(): Promise<void> {
  await hotTier[Symbol.asyncDispose]();
  hotTier = createHotTier({ db: library.db, fromVectors: 1_000, openScan: (rows) => openScan({ ...rows, directory }) });
  await hotTier.prepare();
  await hotTier.settled();
}

function searchFor(query: Float32Array): VectorSearch & { query: Float32Array } {
  return { corpusId: library.corpus.id, spaceId: library.space.id, query, limit: LIMIT };
}

async function exactly(search: VectorSearch): Promise<VectorHit[]> {
  return (await searchEmbeddings(library.db, { ...search, mode: "exact" })).hits;
}

async function untilAnswered(search: VectorSearch): Promise<VectorHit[]> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const hits = await hotTier.search(search);
    if (hits) return hits;
    await library.db.query("select 1", []);
  }
  throw new Error("The hot tier never came to know the filter.");
}

/** The same pictures with the same cosines; of two that are as near as float32 can tell, either may stand first or fall off the end. */
function expectSame(hits: readonly VectorHit[] | null, expected: readonly VectorHit[]): void {
  expect(hits).toHaveLength(expected.length);
  const last = expected.at(-1)?.itcCosine ?? 0;
  const known = new Map(expected.map((hit) => [hit.imageId, hit]));
  for (const [place, { imageId, sha256, itcCosine }] of (hits ?? []).entries()) {
    expect(Math.abs(itcCosine - (expected[place]?.itcCosine ?? 9))).toBeLessThan(1e-5);
    const same = known.get(imageId);
    if (same) expect(sha256).toBe(same.sha256);
    else expect(Math.abs(itcCosine - last)).toBeLessThan(1e-5);
  }
}

/** 8 dimensions, as the fake engine has; many are near each other. */
function randomUnit(seed: number): Float32Array {
  let state = seed * 2_654_435_761;
  const uniform = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const vector = Float32Array.from({ length: 8 }, () => uniform() + uniform() + uniform() - 1.5);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

interface Added {
  readonly db?: Database;
  readonly vectors?: readonly Float32Array[];
  readonly attributes?: Record<string, unknown>;
}

let added = 0;

async function addPictures(count: number, { db = library.db, vectors, attributes }: Added = {}): Promise<string[]> {
  if (count === 1) {
    added += 1;
    const sha256 = added.toString(16).padStart(64, "0");
    const image = { corpusId: library.corpus.id, sha256, origin: `/added/${added}`, attributes: attributes ?? {} };
    const { imageId } = await registerImage(db, image);
    await saveVectors([imageId], vectors ?? [randomUnit(added + 10_000)], db);
    return [imageId];
  }
  const images = await db.query<{ id: string }>(
    `insert into images (corpus_id, sha256, attributes)
     select $1::uuid, encode(sha256(n::text::bytea), 'hex'), jsonb_build_object('seventh', n % 7) from generate_series(1, $2::integer) as n
     returning id`,
    [library.corpus.id, count],
  );
  const ids = images.map(({ id }) => id);
  await saveVectors(
    ids,
    ids.map((_, index) => randomUnit(20_000 + index)),
    db,
  );
  return ids;
}

function saveVectors(imageIds: readonly string[], vectors: readonly Float32Array[], db = library.db): Promise<void> {
  const rows = imageIds.map((imageId, index) => ({
    imageId,
    corpusId: library.corpus.id,
    embedding: vectors[index] as Float32Array,
  }));
  return saveEmbeddings(db, { spaceId: library.space.id, rows });
}
