import { afterAll, beforeAll, expect, test } from "vitest";
import { type Corpus, ensureCorpus } from "./corpora.ts";
import {
  countPassing,
  createVectorIndex,
  indexSearchSql,
  requireIndexScan,
  saveEmbeddings,
  searchEmbeddings,
} from "./embeddings.ts";
import { countFacet } from "./facets.ts";
import { encodeVector, normalise } from "./float-vector.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { type Attributes, registerImage } from "./images.ts";
import { ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { gaussianVector, randomSource } from "./testing/random-vectors.ts";

let database: TestDatabase;
let corpus: Corpus;
const pictures: readonly [name: string, attributes: Attributes][] = [
  ["shop/red shirt.jpg", { colour: "red", price: 10, sizes: ["S", "M"], sale: true, season: "2025-03-01" }],
  ["shop/blue shirt.jpg", { colour: "blue", price: 25.5, sizes: ["M"], season: "2026-01-15" }],
  ["shop/hat.jpg", { colour: "red", price: "on request", sizes: "M", note: null }],
  ["attic/100%_wool.jpg", { colour: 7, nested: { colour: "red" } }],
  ["attic/plain.jpg", {}],
];

beforeAll(async () => {
  database = await openTestDatabase();
  corpus = await ensureCorpus(database.db, { name: "filters" });
  for (const [index, [origin, attributes]] of pictures.entries()) {
    const sha256 = String(index).padStart(64, "0");
    await registerImage(database.db, { corpusId: corpus.id, sha256, origin, attributes });
  }
  await database.db.query(
    "update images set width = 100 * (1 + right(sha256, 1)::integer), height = 50, format = 'jpeg'",
    [],
  );
});
afterAll(() => database[Symbol.asyncDispose]());

async function passing(filter: ImageFilter): Promise<string> {
  const parameters: unknown[] = [corpus.id];
  const rows = await database.db.query<{ place: string }>(
    `select right(sha256, 1) as place from images i where i.corpus_id = $1::uuid and ${compileImageFilter(filter, parameters)}
     order by 1`,
    parameters,
  );
  return rows.map(({ place }) => place).join("");
}

const attribute = (name: string, rest: object): ImageFilter => ({ attribute: { name, ...rest } });

test("compares an attribute by value and type, and looks into lists", async () => {
  expect(await passing(attribute("colour", { in: ["red"] }))).toBe("02");
  expect(await passing(attribute("colour", { in: ["red", 7] }))).toBe("023");
  expect(await passing(attribute("colour", { in: ["7"] }))).toBe("");
  expect(await passing(attribute("sizes", { in: ["M"] }))).toBe("012");
  expect(await passing(attribute("sale", { in: [true] }))).toBe("0");
});

test("compares numbers with numbers and dates with dates, and takes no notice of values of another type", async () => {
  expect(await passing(attribute("price", { from: 10 }))).toBe("01");
  expect(await passing(attribute("price", { from: 10.01, to: 30 }))).toBe("1");
  expect(await passing(attribute("season", { from: "2026-01-01" }))).toBe("1");
  expect(await passing(attribute("sizes", { from: "S" }))).toBe("0");
});

test("tells an attribute that is null or missing from one with a value", async () => {
  expect(await passing(attribute("note", { exists: true }))).toBe("");
  expect(await passing(attribute("colour", { exists: false }))).toBe("4");
  expect(await passing(attribute("colour", { exists: true, in: ["red"] }))).toBe("02");
});

test("joins conditions by and, or and not, and takes a picture without the attribute into not", async () => {
  expect(await passing({ not: attribute("colour", { in: ["red"] }) })).toBe("134");
  expect(await passing({ not: attribute("price", { from: 20 }) })).toBe("0234");
  const red = attribute("colour", { in: ["red"] });
  expect(await passing({ and: [red, { not: attribute("sale", { exists: true }) }] })).toBe("2");
  expect(await passing({ or: [attribute("price", { to: 10 }), { width: { from: 400 } }] })).toBe("034");
});

test("compares origins, sizes, formats and dates of arrival", async () => {
  expect(await passing({ origin: { startsWith: "shop/" } })).toBe("012");
  expect(await passing({ origin: { contains: "100%_" } })).toBe("3");
  expect(await passing({ width: { from: 200, to: 300 } })).toBe("12");
  expect(await passing({ and: [{ height: { to: 50 } }, { format: ["png", "jpeg"] }] })).toBe("01234");
  expect(await passing({ addedAt: { from: new Date("2020-01-01") } })).toBe("01234");
  expect(await passing({ addedAt: { to: new Date("2020-01-01") } })).toBe("");
});

test("takes names and values for what they are, whatever they hold", async () => {
  for (const text of ["'; drop table images; --", "$1", '"', "\\", "%", "a\0b", "\ud800", "$.x ? (@ > 1)"]) {
    expect(await passing(attribute(text, { in: [text], from: text, to: text, exists: true }))).toBe("");
    expect(await passing({ or: [{ origin: { contains: text } }, { format: [text] }] })).toBe(text === "%" ? "3" : "");
  }
});

test("names the part of a filter that cannot be meant", () => {
  const compile = (filter: ImageFilter) => () => compileImageFilter(filter, []);
  expect(compile({ and: [] })).toThrow('The filter\'s "and" is empty, expected at least one condition.');
  expect(compile(attribute("colour", {}))).toThrow('The condition on the attribute "colour" says nothing.');
  expect(compile(attribute("colour", { in: [] }))).toThrow('"colour" is compared with 0 values, expected 1 to 200.');
  expect(compile(attribute("price", { from: 1, to: "b" }))).toThrow("of different types: 1 and b");
  expect(compile(attribute("price", { from: Number.NaN }))).toThrow("NaN is no bound");
  expect(compile(attribute("", { exists: true }))).toThrow('The attribute name "" is not usable.');
  expect(compile({ addedAt: { from: new Date("no date") } })).toThrow('"addedAt" has a bound that is no date.');
  expect(compile({ addedAt: { from: new Date("2026-02-01"), to: new Date("2026-01-01") } })).toThrow(
    "The range of addedAt goes from 2026-02-01T00:00:00.000Z to 2026-01-01T00:00:00.000Z, expected the smaller one first.",
  );
  expect(compile({ width: { from: 2, to: 1 } })).toThrow("The range of width goes from 2 to 1");
  expect(compile(attribute("price", { from: "b", to: "a" }))).toThrow(
    'The range of the attribute "price" goes from "b" to "a"',
  );
  expect(compile(attribute("price", { exists: false, from: 1 }))).toThrow(
    'The condition on the attribute "price" asks for its absence ("exists": false) and compares its value.',
  );
  expect(compile({ question: { name: "person", exists: false, minimumProbability: 0.5 } })).toThrow(
    'The condition on the question "person" asks for its absence',
  );
  expect(compile({ origin: { contains: "\u0000" } })).toThrow("The text for origins has 0 usable characters");
  expect(compile({ origin: {} })).toThrow('The condition on "origin" says nothing.');
  let deep: ImageFilter = attribute("a", { exists: true });
  for (let level = 0; level < 9; level += 1) deep = { not: deep };
  expect(compile(deep)).toThrow("nests deeper than 8 levels");
  const wide = { or: Array.from({ length: 65 }, () => attribute("a", { exists: true })) };
  expect(compile(wide)).toThrow("more than 64 conditions");
});

test("counts the values of an attribute in the corpus and among given pictures, each member of a list by itself", async () => {
  const ids = await database.db.query<{ id: string }>(
    "select id from images where sha256 like '%1' and corpus_id = $1",
    [corpus.id],
  );
  const facet = { corpusId: corpus.id, imageIds: ids.map(({ id }) => id), limit: 10 };
  expect(await countFacet(database.db, { ...facet, name: "sizes" })).toEqual([
    { value: "M", count: 3, hits: 1 },
    { value: "S", count: 1, hits: 0 },
  ]);
  const filter = attribute("price", { exists: true });
  expect(await countFacet(database.db, { ...facet, name: "colour", filter, limit: 1 })).toEqual([
    { value: "blue", count: 1, hits: 1 },
  ]);
  expect(await countFacet(database.db, { ...facet, name: "nested" })).toEqual([]);
});

test("loses no hit to a filter, whatever share passes, and says whether the index answered", {
  timeout: 180_000,
}, async () => {
  const dimensions = 16;
  const many = await ensureCorpus(database.db, { name: "many" });
  const space = await ensureSpace(database.db, { fingerprint: "many", name: "m", dimensions, preprocessing: {} });
  const images = 11_000;
  const rows = await database.db.query<{ id: string }>(
    `insert into images (corpus_id, sha256, attributes)
     select $1::uuid, lpad(to_hex(n), 64, '0'), jsonb_build_object('number', n, 'thousandth', n % 1000)
     from generate_series(1, $2::integer) n returning id`,
    [many.id, images],
  );
  const vectorOf = (seed: number) => gaussianVector(randomSource(seed), dimensions);
  await saveEmbeddings(database.db, {
    spaceId: space.id,
    rows: rows.map(({ id }, index) => ({ imageId: id, corpusId: many.id, embedding: vectorOf(index + 1) })),
  });
  await createVectorIndex(database.db, space.id, { minimumRows: 1 });
  const share = (perThousand: number) => attribute("thousandth", { to: perThousand - 1 });
  const found: [perThousand: number, mode: string, recall: number][] = [];
  for (const perThousand of [1000, 500, 100, 10, 1]) {
    const filter = share(perThousand);
    const search = { corpusId: many.id, spaceId: space.id, query: vectorOf(0), limit: 100, filter };
    const exact = await searchEmbeddings(database.db, { ...search, mode: "exact" });
    const asked = await searchEmbeddings(database.db, search);
    const most = await countPassing(database.db, { corpusId: many.id, filter, most: 1_000_000 });
    expect(asked.hits).toHaveLength(Math.min(100, most));
    const truth = new Set(exact.hits.map(({ imageId }) => imageId));
    found.push([
      perThousand,
      asked.mode,
      asked.hits.filter(({ imageId }) => truth.has(imageId)).length / exact.hits.length,
    ]);
  }
  expect(found.map(([perThousand, mode]) => `${perThousand} ${mode}`)).toEqual([
    "1000 hnsw",
    "500 hnsw",
    "100 exact",
    "10 exact",
    "1 exact",
  ]);
  for (const [perThousand, , recall] of found) expect(recall, `${perThousand} of 1000`).toBeGreaterThanOrEqual(0.95);

  const parameters: unknown[] = [space.id, many.id, encodeVector(normalise(vectorOf(0)) ?? vectorOf(1)), 100];
  const passes = compileImageFilter(share(500), parameters);
  const plan = await database.db.transaction(async (tx) => {
    await requireIndexScan(tx, 100);
    return tx.query<{ "QUERY PLAN": string }>(`explain ${indexSearchSql(dimensions, passes)}`, parameters);
  });
  const lines = plan.map((line) => line["QUERY PLAN"]).join("\n");
  expect(lines).toMatch(/Index Scan using embeddings_[0-9a-f]{32}_hnsw/);
  expect(lines).not.toContain("Seq Scan");
});

test("can find by an attribute's value through its index", async () => {
  const parameters: unknown[] = [corpus.id];
  const passes = compileImageFilter(attribute("number", { in: [17] }), parameters);
  const plan = await database.db.transaction(async (tx) => {
    await tx.query("set local enable_seqscan = off", []);
    const sql = `explain select from images i where ${passes} and $1::uuid is not null`;
    return tx.query<{ "QUERY PLAN": string }>(sql, parameters);
  });
  expect(plan.map((line) => line["QUERY PLAN"]).join("\n")).toContain("images_attributes");
});
