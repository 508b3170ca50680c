import {
  type Corpus,
  declareAttributes,
  ensureCorpus,
  ensureSpace,
  registerImage,
  activateSpace,
  saveCalibration,
  searchEmbeddings,
  type VectorSearch,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SearchQuery } from "./query.ts";
import { type SearchResult, searchImages } from "./search-images.ts";
import { searchPage } from "./search-page.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

const PICTURES = 40;

let library: SampleLibrary;
/** The same pictures as the whole corpus has, parted into three. */
let parts: readonly Corpus[];

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
  const numbers = Array.from({ length: PICTURES }, (_, number) => number);
  parts = [
    await library.addCorpus(
      "even",
      numbers.filter((number) => number % 2 === 0),
    ),
    await library.addCorpus(
      "odd",
      numbers.filter((number) => number % 2 === 1 && number < 30),
    ),
    await library.addCorpus(
      "rest",
      numbers.filter((number) => number % 2 === 1 && number >= 30),
    ),
  ];
});
afterAll(() => library?.[Symbol.asyncDispose]());

const all = [{ text: "a dog on a beach" }];
const search = (query: Partial<SearchQuery>) => searchImages({ ...library, patienceMs: 0 }, { all, ...query });
const inParts = (query: Partial<SearchQuery> = {}) => search({ corpora: parts.map(({ name }) => name), ...query });
const inWhole = (query: Partial<SearchQuery> = {}) => search({ corpus: library.corpus.name, ...query });

/** What does not depend on which corpus a picture is of. */
function shown({ hits, total, facets, report }: SearchResult) {
  return {
    hits: hits.map(({ imageId: _id, ...hit }) => hit),
    total,
    facets,
    candidates: report.candidates,
    estimatedRecall: report.estimatedRecall,
  };
}

/** The database adds weights of words up in any order. */
function rounded(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, member) => (typeof member === "number" ? Number(member.toPrecision(12)) : member)),
  );
}

test("finds in several corpora what one corpus of all their pictures would give, scores and places too", async () => {
  const queries: Partial<SearchQuery>[] = [
    { textWeight: 0 },
    { textWeight: 0, candidates: 7, first: 3 },
    { textWeight: 0, candidates: 0 },
    { textWeight: 0, all: [{ text: "a dog" }, { text: "a red ball" }], none: [{ text: "a cat" }] },
    { textWeight: 0, any: [{ text: "a dog" }, { text: "a sheep" }], all: [] },
    { textWeight: 0, filter: { attribute: { name: "number", from: 10, to: 35 } } },
    { textWeight: 0, filter: { attribute: { name: "number", from: 31, to: 31 } } },
    { textWeight: 0, facets: [{ name: "number", first: 5 }] },
  ];
  for (const query of queries) {
    const label = JSON.stringify(query);
    const [parted, whole] = [await inParts(query), await inWhole(query)];
    expect(shown(parted), label).toEqual(shown(whole));
  }
});

test("mixes what texts say of pictures of all corpora, words weighted as in one", async () => {
  for (const text of ["number 31", "the picture with number 7 and 8", "picture"]) {
    const [parted, whole] = [await inParts({ all: [{ text }] }), await inWhole({ all: [{ text }] })];
    expect(rounded(shown(parted))).toEqual(rounded(shown(whole)));
  }
  const { hits } = await inParts({ all: [{ text: "number 31" }] });
  const [first] = hits;
  expect(first?.clauses[0]?.textShare).toBeGreaterThan(0.9);
  const whole = await inWhole({ all: [{ text: "number 31" }] });
  expect(first?.sha256).toBe(whole.hits[0]?.sha256);
});

test("pages through all corpora without drifting, and knows the corpora of a cursor", async () => {
  const query = { corpora: parts.map(({ name }) => name), all, first: 15 };
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page = await searchPage(library, query, after);
    await page.kept;
    seen.push(...page.hits.map(({ imageId }) => imageId));
    after = page.hasNextPage ? page.endCursor : null;
    if (seen.length === 15) {
      const fewer = { ...query, corpora: query.corpora.slice(0, 2) };
      await expect(searchPage(library, fewer, after)).rejects.toThrow("belongs to another search");
    }
  } while (after !== null);
  expect(seen).toHaveLength(PICTURES);
  expect(new Set(seen).size).toBe(PICTURES);
});

test("leaves out corpora that another model answers for, and those without vectors, and says so", async () => {
  const { db, space } = library;
  const empty = await ensureCorpus(db, { name: `${library.corpus.name}-empty` });
  const moved = await ensureCorpus(db, { name: `${library.corpus.name}-moved` });
  const { dimensions, preprocessing } = space;
  const other = await ensureSpace(db, { fingerprint: "f".repeat(64), name: "another", dimensions, preprocessing });
  await activateSpace(db, moved.id, other.id);
  const unembedded = await ensureCorpus(db, { name: `${library.corpus.name}-unembedded` });
  await registerImage(db, { corpusId: unembedded.id, sha256: "e".repeat(64), origin: "/e.png", attributes: {} });
  // The first of them has been moved to another model, most have not.
  const names = [moved.name, empty.name, ...parts.map(({ name }) => name), unembedded.name];
  const { hits, report, total } = await search({ corpora: names });
  expect(hits).toHaveLength(PICTURES);
  expect(total).toEqual({ value: PICTURES, relation: "EXACT" });
  expect(report.degraded).toMatchObject([
    { stage: "RETRIEVE", code: "OTHER_MODEL" },
    { stage: "RETRIEVE", code: "NO_ACTIVE_SPACE" },
  ]);
  expect(report.degraded[0]?.message).toContain(`"${moved.name}" (another)`);
  // One without pictures takes nothing from the answer.
  expect(report.degraded[1]?.message).toContain(`"${unembedded.name}". They`);
  await expect(search({ corpora: [empty.name] })).rejects.toThrow("has no active embedding space");
  await expect(search({ corpora: [empty.name, empty.name] })).rejects.toThrow("has no active embedding space");
  await expect(search({ corpora: [...names, "nowhere"] })).rejects.toThrow('There is no corpus "nowhere"');
});

test("knows the recall of each corpus by the way in which it was searched", async () => {
  const [even, odd] = parts.map(({ name }) => name);
  const estimateOf = ({ corpusId }: { corpusId: string }, mode: string) =>
    corpusId === parts[0]?.id && mode === "hotTier" ? 0.9 : null;
  const hotTier = {
    search: async (asked: VectorSearch) =>
      asked.corpusId === parts[0]?.id ? (await searchEmbeddings(library.db, { ...asked, mode: "exact" })).hits : null,
  };
  const found = await searchImages(
    { ...library, patienceMs: 0, hotTier, recallMeter: { estimateOf, observe: () => {} } },
    { corpora: [even ?? "", odd ?? ""], all },
  );
  expect(found.report).toMatchObject({ indexMode: "hotTier", estimatedRecall: 0.9 });
});

test("puts values of a facet that are of several types in the database's order", async () => {
  const mixed = [await library.addCorpus("mixed-1", [100]), await library.addCorpus("mixed-2", [101])];
  const values = [
    ["b", 10, true, "a"],
    [2, "c", false],
  ];
  for (const [index, { id }] of mixed.entries()) {
    await library.db.query("update images set attributes = $2::jsonb where corpus_id = $1::uuid", [
      id,
      JSON.stringify({ mixed: values[index] }),
    ]);
  }
  const { facets } = await search({ corpora: mixed.map(({ name }) => name), facets: [{ name: "mixed" }] });
  expect(facets[0]?.values.map(({ value }) => value)).toEqual(["a", "b", "c", 2, 10, false, true]);
});

test("counts a corpus once that is named twice", async () => {
  const [even] = parts;
  const { hits } = await search({ corpora: [even?.name ?? "", even?.name ?? ""] });
  expect(hits).toHaveLength(PICTURES / 2);
});

test("wants one corpus or a list of at most 16, and a filter that fits each of them", async () => {
  await expect(search({})).rejects.toThrow("Neither corpus nor corpora is given");
  await expect(search({ corpus: "a", corpora: ["b"] })).rejects.toThrow("corpus and corpora are both given");
  await expect(search({ corpora: [] })).rejects.toThrow("corpora has 0 names, expected 1 to 16");
  await expect(search({ corpora: Array.from({ length: 17 }, String) })).rejects.toThrow("corpora has 17 names");
  const [, odd] = parts;
  const { db } = library;
  await db.transaction((tx) =>
    declareAttributes(tx, odd?.id ?? "", [{ name: "taken", type: "date", list: false, required: false, values: null }]),
  );
  const filter = { attribute: { name: "taken", in: ["not a date"] } };
  await expect(inParts({ filter })).rejects.toThrow(/^Corpus "sample-.*-odd": .*not a date/);
});

test("gives probabilities where every corpus is calibrated, each by its own, and the strongest verdict", async () => {
  const calibrate = (corpus: Corpus | undefined, offset: number) =>
    saveCalibration(library.db, {
      corpusId: corpus?.id ?? "",
      spaceId: library.space.id,
      modelFingerprint: library.space.fingerprint,
      itcWeight: 1,
      corpusImages: PICTURES,
      pair: { slope: 1, offset, examples: 40 },
      query: { slope: 1, offset, examples: 40, strongFrom: 0.8, noneBelow: 0.2 },
      measured: { pair: null, query: null },
    } as Parameters<typeof saveCalibration>[1]);
  const [even, odd, rest] = parts;
  await calibrate(even, -100);
  await calibrate(odd, 0);
  const partly = await inParts({ minMatch: 0.5 });
  expect(partly.hits.every(({ matchProbability }) => matchProbability === null)).toBe(true);
  expect(partly.report.degraded).toMatchObject([{ code: "NOT_CALIBRATED" }]);

  await calibrate(rest, 100);
  const { hits, verdict } = await inParts();
  const corpusOf = new Map<string, string>();
  for (const corpus of parts) {
    const { hits: own } = await search({ corpus: corpus.name });
    for (const { imageId } of own) corpusOf.set(imageId, corpus.name);
  }
  for (const { imageId, matchProbability } of hits) {
    const corpus = corpusOf.get(imageId);
    if (corpus === even?.name) expect(matchProbability).toBeLessThan(0.001);
    else if (corpus === rest?.name) expect(matchProbability).toBeGreaterThan(0.999);
  }
  expect(verdict).toMatchObject({ verdict: "STRONG", decidedBy: "MODELS" });
  const hopeless = await search({ corpora: [even?.name ?? ""] });
  expect(hopeless.verdict).toMatchObject({ verdict: "NONE" });
  // One that has a space and no pictures says nothing, and takes nothing away.
  const bare = await library.addCorpus("bare", []);
  const beside = await search({ corpora: [even?.name ?? "", bare.name], minMatch: 0.5 });
  expect(beside.verdict).toMatchObject({ verdict: "NONE" });
  expect(beside).toMatchObject({ hits: [], total: { value: 0, relation: "EXACT" }, report: { degraded: [] } });
});
