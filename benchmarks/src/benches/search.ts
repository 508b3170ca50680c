import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openScan } from "@medley/scan";
import { createHotTier, type HotTier } from "@medley/search";
import { type Database, type ImageFilter, openDatabase } from "@medley/storage";
import { higherIsBetter, lowerIsBetter, type Measurement, median, timed } from "../measure.ts";
import { benchServer, createBenchDatabase, noServer } from "../redecide/bench-database.ts";
import { type FilledLibrary, fillLibrary, HUNDREDTHS, TENTHS } from "../search/fill-library.ts";
import {
  createPlainTable,
  type IndexSettings,
  openPlainSearcher,
  type PlainFilter,
  recallOf,
  WANTED,
} from "../search/plain-table.ts";
import { glossVectors } from "../search/gloss-vectors.ts";
import { ratesInTurns, type Side } from "../search/rates.ts";
import { clusteredVectors, cosineOfLast, DIMENSIONS, dot, vectorAt } from "../search/vectors.ts";

/** How many pictures a search of Medley hands to the matching head. */
const LIMIT = 128;
const QUERIES = 512;
const JUDGED = 50;
const LEAST_RECALL = 0.99;
const INDEXES: readonly IndexSettings[] = [
  { m: 16, efConstruction: 64 },
  { m: 24, efConstruction: 128 },
];
// Below 128 the scan goes on (iterative_scan) until it has as many rows as are wanted.
const EF_SEARCH = [40, 64, 72, 80, 96, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1000] as const;
// Two connections keep two cores busy; more of them were slower for either side.
const CONNECTIONS = 4;
const CLIENTS = 32;

interface Filtered {
  readonly name: PlainFilter;
  readonly title: string;
  readonly every: number;
  readonly filter: ImageFilter | undefined;
}

const FILTERS: readonly Filtered[] = [
  { name: "none", title: "no filter", every: 1, filter: undefined },
  { name: "tenth", title: "10 % pass", every: 10, filter: { attribute: { name: TENTHS, in: [WANTED] } } },
  { name: "hundredth", title: "1 % pass", every: 100, filter: { attribute: { name: HUNDREDTHS, in: [WANTED] } } },
];

/** How hard a set is for an index depends on how its vectors lie: real ones of a text tower, and made ones in 400 equal heaps. */
export const VECTOR_SETS = ["glosses", "clusters"] as const;
type VectorSet = (typeof VECTOR_SETS)[number];

export interface SearchSizes {
  readonly vectors: number;
  readonly sets: readonly string[];
}

/**
 * The hot tier against pgvector's HNSW index tuned to a recall of 0.99: the nearest 128 of 100,000 vectors, one search at a time and 32, without a
 * filter and with two. What either side misses is counted against a comparison of every vector.
 */
export async function search(
  runs: number,
  _threads: number,
  { vectors: rows, sets }: SearchSizes,
): Promise<readonly Measurement[]> {
  const results: Measurement[] = [];
  for (const set of VECTOR_SETS) if (sets.includes(set)) results.push(...(await searchSet(runs, rows, set)));
  return [...results, memory(rows)];
}

/** Rows and queries of the same kind, none of them in both. */
async function vectorsOf(set: VectorSet, rows: number): Promise<{ vectors: Float32Array; queries: Float32Array }> {
  if (set === "clusters") return { vectors: clusteredVectors(rows, 2), queries: clusteredVectors(QUERIES, 3) };
  const all = await noted("glosses embedded", () => glossVectors(rows + QUERIES));
  return { vectors: all.subarray(0, rows * DIMENSIONS), queries: all.subarray(rows * DIMENSIONS) };
}

async function searchSet(runs: number, rows: number, set: VectorSet): Promise<Measurement[]> {
  const server = benchServer();
  if (!server) throw new Error(noServer("search"));
  const directory = mkdtempSync(join(tmpdir(), "medley-bench-scan-"));
  await using database = await createBenchDatabase(server);
  // As the gateway opens it.
  await using db = await openDatabase({ databaseUrl: database.databaseUrl, home: "", maxConnections: CONNECTIONS });
  try {
    const { vectors, queries } = await vectorsOf(set, rows);
    const library = await noted("filled", () => fillLibrary(db, vectors));
    const open = () => openLoaded(db, directory);
    const firsts: number[] = [];
    for (let load = 1; load < LOADS; load += 1) {
      await using loaded = await open();
      firsts.push(await timed(() => searchHotTier(loaded, library, vectorAt(queries, 0), undefined)));
    }
    await using hotTier = await open();
    const ours = (query: Float32Array, filter: ImageFilter | undefined) =>
      searchHotTier(hotTier, library, query, filter);
    firsts.push(await timed(() => ours(vectorAt(queries, 0), undefined)));
    for (const index of INDEXES) await noted(`index ${describe(index)}`, () => createPlainTable(db, library, index));

    const context: Context = { set, databaseUrl: database.databaseUrl, library, vectors, queries, ours, runs };
    const results: Measurement[] = [];
    const tuned = await tuneIndex(context);
    for (const filtered of FILTERS) results.push(...(await compare(context, filtered, tuned)));
    return [...results, ...(await firstSearch(context, firsts))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Starts of a hot tier, for what the first search after each takes. */
const LOADS = 5;

async function openLoaded(db: Database, directory: string): Promise<HotTier> {
  const hotTier = createHotTier({
    db,
    openScan: (pages) => openScan({ ...pages, directory }),
    fromVectors: 1,
    log: (fields, message) => console.error(`search: ${message} ${JSON.stringify(fields)}`),
  });
  await noted("hot tier loaded", async () => {
    await hotTier.prepare();
    await hotTier.settled();
  });
  return hotTier;
}

interface Context {
  readonly set: VectorSet;
  readonly databaseUrl: string;
  readonly library: FilledLibrary;
  readonly vectors: Float32Array;
  readonly queries: Float32Array;
  readonly ours: (query: Float32Array, filter: ImageFilter | undefined) => Promise<readonly string[]>;
  readonly runs: number;
}

async function searchHotTier(
  hotTier: HotTier,
  { corpusId, spaceId }: FilledLibrary,
  query: Float32Array,
  filter: ImageFilter | undefined,
): Promise<readonly string[]> {
  const hits = await hotTier.search({ corpusId, spaceId, query, limit: LIMIT, filter });
  if (hits === null) throw new Error("The hot tier did not answer: its log is above.");
  return hits.map(({ imageId }) => imageId);
}

/** The first search with a filter is the database's; the hot tier has it soon after. */
async function learnFilter({ ours, queries }: Context, filter: ImageFilter): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return void (await ours(vectorAt(queries, 0), filter));
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

interface Tuned {
  readonly index: IndexSettings;
  readonly efSearch: number;
  readonly recall: number;
}

function describe({ m, efConstruction }: IndexSettings): string {
  return `m ${m}, ef_construction ${efConstruction}`;
}

/** For each index the smallest ef_search with a recall of 0.99; of these, measured in turns, the one that answers most searches a second. */
async function tuneIndex(context: Context): Promise<Tuned> {
  const tuned: Tuned[] = [];
  for (const index of INDEXES) tuned.push({ index, ...(await leastEfSearch(context, FILTERS[0] as Filtered, index)) });
  const reached = tuned.filter(({ recall }) => recall >= LEAST_RECALL);
  if (reached.length === 0) throw new Error(`No index reached a recall of ${LEAST_RECALL}.`);
  const open = reached.map(({ index, efSearch }) =>
    openPlainSearcher(context.databaseUrl, { index, way: "hnsw", efSearch, filter: "none", connections: 1 }),
  );
  const sides = open.map((plain) => ({ search: (n: number) => plain.search(queryOf(context, n), LIMIT), count: 100 }));
  const rates = await ratesInTurns<string>(Object.fromEntries(sides.entries()), { rounds: context.runs, clients: 1 });
  for (const plain of open) await plain[Symbol.asyncDispose]();
  for (const [place, { index, efSearch, recall }] of reached.entries()) {
    const figures = `ef_search ${efSearch}, recall ${recall.toFixed(4)}, ${rates[place]?.toFixed(0)}/s`;
    console.error(`search: ${describe(index)}: ${figures}`);
  }
  return reached.reduce((best, one, place) => ((rates[place] ?? 0) > (rates[reached.indexOf(best)] ?? 0) ? one : best));
}

/** The smallest ef_search that reaches the recall, or the largest there is. */
async function leastEfSearch(
  context: Context,
  filtered: Filtered,
  index: IndexSettings,
): Promise<{ efSearch: number; recall: number }> {
  const judge = judgeOf(context, filtered);
  let recall = 0;
  for (const efSearch of EF_SEARCH) {
    const settings = { index, way: "hnsw", efSearch, filter: filtered.name, connections: 1 } as const;
    await using plain = openPlainSearcher(context.databaseUrl, settings);
    await plain.requireWay(vectorAt(context.queries, 0), LIMIT);
    recall = await judge((query) => plain.search(query, LIMIT));
    if (recall >= LEAST_RECALL) return { efSearch, recall };
  }
  return { efSearch: EF_SEARCH.at(-1) ?? 0, recall };
}

/** Recall of a way to search, over the same queries. */
function judgeOf({ vectors, queries }: Context, { every }: Filtered) {
  const passes = (row: number) => every === 1 || row % every === WANTED;
  const last = Array.from({ length: JUDGED }, (_, index) =>
    cosineOfLast(vectors, vectorAt(queries, index), LIMIT, passes),
  );
  const cosineOfRow = (query: Float32Array, row: number) => (passes(row) ? dot(query, vectors, row * DIMENSIONS) : -2);
  return (way: (query: Float32Array) => Promise<readonly number[]>) => recallOf(way, queries, cosineOfRow, last, LIMIT);
}

function queryOf({ queries }: Context, index: number): Float32Array {
  return vectorAt(queries, index % QUERIES);
}

/** One filter: recalls of both sides, then rates in turns, against the index and, with a filter, against an exact comparison of what passes. */
async function compare(context: Context, filtered: Filtered, tuned: Tuned): Promise<Measurement[]> {
  const { title, filter, name } = filtered;
  if (filter !== undefined) await learnFilter(context, filter);
  const { efSearch, recall: theirs } = name === "none" ? tuned : await leastEfSearch(context, filtered, tuned.index);
  const judge = judgeOf(context, filtered);
  const places = new Map(context.library.imageIds.map((id, place) => [id, place]));
  const recall = await judge(async (query) => (await context.ours(query, filter)).map((id) => places.get(id) ?? -1));
  const hnsw = { index: tuned.index, way: "hnsw", efSearch, filter: name, connections: CONNECTIONS } as const;
  await using index = openPlainSearcher(context.databaseUrl, hnsw);
  await using exact = openPlainSearcher(context.databaseUrl, { ...hnsw, way: "exact" });
  const against = `${LIMIT} of ${context.library.imageIds.length.toLocaleString("en")} ${context.set}, ${title}`;
  const settings = `HNSW ${describe(tuned.index)}, ef_search ${efSearch}`;
  console.error(`search: ${against}: recall ${recall.toFixed(5)}; ${settings}: recall ${theirs.toFixed(4)}`);
  const results = [
    higherIsBetter("search", `${against}, recall against ${settings}`, "of the true neighbours", JUDGED, {
      ours: recall,
      baseline: theirs,
    }),
  ];
  for (const clients of [1, CLIENTS]) {
    const sides: Record<string, Side> = {
      ours: { search: (n: number) => context.ours(queryOf(context, n), filter), count: 40 * clients },
      index: { search: (n: number) => index.search(queryOf(context, n), LIMIT), count: 10 * clients },
      ...(filter !== undefined && {
        exact: { search: (n: number) => exact.search(queryOf(context, n), LIMIT), count: 10 * clients },
      }),
    };
    const rates: Readonly<Record<string, number>> = await ratesInTurns(sides, { rounds: context.runs, clients });
    for (const [side, title] of [
      ["index", settings],
      ["exact", "comparing what passes by the filter's B-tree"],
    ] as const) {
      const baseline = rates[side];
      if (baseline === undefined) continue;
      const metric = `${against}, ${clients} at a time, against ${title}`;
      results.push(
        higherIsBetter("search", metric, "searches/s", context.runs, { ours: rates["ours"] ?? 0, baseline }),
      );
    }
  }
  return results;
}

/** The median of those after each load, against the median of later ones. */
async function firstSearch(context: Context, firsts: readonly number[]): Promise<Measurement[]> {
  const later: number[] = [];
  for (let index = 0; index < 100; index += 1)
    later.push(await timed(() => context.ours(queryOf(context, index), undefined)));
  console.error(`search: first after each load: ${firsts.map((each) => (1000 * each).toFixed(1)).join(", ")} ms`);
  const values = { ours: 1000 * median(firsts), baseline: 1000 * median(later) };
  return [
    lowerIsBetter(
      "search",
      `${context.set}: first search after loading, against the median of later ones`,
      "ms",
      firsts.length,
      values,
    ),
  ];
}

/** Processes whose difference is the memory of the vectors alone, and large enough that what a process holds back from the system does not count. */
const MEMORY_FACTOR = 4;

/**
 * What more vectors take, each number of them in a process of its own. With a fixed threshold, because glibc otherwise keeps for itself what has
 * been freed while the scan was filled.
 */
function memory(rows: number): Measurement {
  const [one, many] = [rows, MEMORY_FACTOR * rows].map((count) => {
    const script = fileURLToPath(new URL("../search/scan-memory.ts", import.meta.url));
    const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "131072", MALLOC_TRIM_THRESHOLD_: "131072" };
    const output = execFileSync(process.execPath, ["--expose-gc", script, String(count)], { encoding: "utf8", env });
    return (JSON.parse(output) as { bytes: number }).bytes;
  }) as [number, number];
  console.error(
    `search: private memory of a scan: ${one} bytes for ${rows} vectors, ${many} for ${MEMORY_FACTOR * rows}`,
  );
  const values = { ours: (many - one) / ((MEMORY_FACTOR - 1) * rows), baseline: 4 * DIMENSIONS };
  return lowerIsBetter("search", "private memory of one more vector, against the vector itself", "bytes", 2, values);
}

/** A run of several minutes says where it is; on stderr, beside the results. */
async function noted<T>(what: string, work: () => Promise<T>): Promise<T> {
  const before = performance.now();
  const result = await work();
  console.error(`search: ${what}: ${((performance.now() - before) / 1000).toFixed(1)} s`);
  return result;
}
