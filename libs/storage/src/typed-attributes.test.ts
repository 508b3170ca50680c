import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AttributeSchema, convertAttributes, missingAttributes } from "./attribute-values.ts";
import { ensureCorpus } from "./corpora.ts";
import { attributeSchemaOf, declareAttributes, lockAttributeSchema } from "./corpus-attributes.ts";
import { compileImageFilter, type ImageFilter } from "./image-filter.ts";
import { type Attributes, listImages, registerImage } from "./images.ts";
import { parseAttributeSchema } from "./parse-attribute-schema.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { typedFilter } from "./typed-filter.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

const schema = parseAttributeSchema(
  JSON.stringify({
    price: "number",
    sale: "boolean",
    season: "date",
    sizes: { type: "text", list: true, values: ["S", "M", "L"] },
    weights: { type: "number", list: true },
    category: { type: "text", required: true },
  }),
  "shop.json",
);

const convert = (name: string, value: unknown) => {
  const converted = convertAttributes(schema, { [name]: value });
  return converted.ok ? converted.attributes[name] : converted.problems.join(" ");
};

test("gives a text of a manifest the declared type", () => {
  expect(convert("price", " 12 ")).toBe(12);
  expect(convert("price", "-1.5e3")).toBe(-1500);
  expect(convert("category", 12)).toBe("12");
  expect([convert("sale", "yes"), convert("sale", 0), convert("sale", "FALSE")]).toEqual([true, false, false]);
  expect(convert("season", "2026-01-31")).toBe("2026-01-31");
  expect(convert("season", "2026-01-31 12:00")).toBe("2026-01-31T12:00:00.000Z");
  expect(convert("season", "2026-01-31T12:00:00.5+02:00")).toBe("2026-01-31T10:00:00.500Z");
  expect(convert("sizes", "S; M")).toEqual(["S", "M"]);
  expect(convert("sizes", '["L"]')).toEqual(["L"]);
  expect(convert("sizes", "M")).toEqual(["M"]);
  expect(convert("weights", ["1", 2.5])).toEqual([1, 2.5]);
  expect([convert("price", null), convert("price", " "), convert("season", "")]).toEqual([null, null, null]);
  expect(convert("undeclared", { any: ["thing", 1] })).toEqual({ any: ["thing", 1] });
});

test("says of a value that does not fit what it is and what was expected", () => {
  const number = "expected a number such as 12.5.";
  expect(convert("price", "12,50")).toBe(`Attribute "price" is "12,50", ${number}`);
  expect(convert("price", "Infinity")).toBe(`Attribute "price" is "Infinity", ${number}`);
  expect(convert("price", "0x10")).toBe(`Attribute "price" is "0x10", ${number}`);
  expect(convert("price", [1])).toBe(`Attribute "price" is [1], ${number}`);
  expect(convert("sale", "perhaps")).toBe('Attribute "sale" is "perhaps", expected true or false.');
  for (const date of ["2026-02-30", "31.01.2026", "2026-01-31T25:00", 20260131, "0000-00-00"]) {
    expect(convert("season", date)).toContain("expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  expect(convert("sizes", ["S", "XXL"])).toBe(
    'Attribute "sizes" is ["S","XXL"], expected a list, each member one of "S", "M", "L".',
  );
  expect(convert("category", { a: 1 })).toBe('Attribute "category" is {"a":1}, expected a text.');
  expect(missingAttributes(schema, { category: null })).toEqual(['Attribute "category" is missing, expected a text.']);
  expect(missingAttributes(schema, { category: "coat" })).toEqual([]);
});

test("names what is wrong with a file of declarations", () => {
  const parse = (value: unknown) => () =>
    parseAttributeSchema(typeof value === "string" ? value : JSON.stringify(value), "shop.json");
  expect(parse("{")).toThrow('The attributes of "shop.json" cannot be used: it is no JSON');
  expect(parse([])).toThrow("it holds no object, expected one such as");
  expect(parse({ price: "money" })).toThrow('"price" has the type "money", expected text, number, boolean, date');
  expect(parse({ price: { type: "number", min: 1 } })).toThrow('"price" has "min", expected type, list');
  expect(parse({ price: { type: "number", list: 1 } })).toThrow('"list" of "price" is 1, expected true or false');
  expect(parse({ price: { type: "number", values: ["a"] } })).toThrow(
    '"values" of "price" has "a", which is no number',
  );
  expect(parse({ price: { type: "number", values: [] } })).toThrow("a list of 1 to 1000 values");
  expect(parse({ "": "text" })).toThrow("is empty, expected 1 to 200 characters");
});

async function corpusWith(name: string, pictures: readonly Attributes[]) {
  const corpus = await ensureCorpus(database.db, { name });
  for (const [index, attributes] of pictures.entries()) {
    const sha256 = String(index).padStart(64, "0");
    await registerImage(database.db, { corpusId: corpus.id, sha256, origin: `${index}.png`, attributes });
  }
  return corpus.id;
}

const declare = (corpusId: string, declared: AttributeSchema) =>
  database.db.transaction((tx) => declareAttributes(tx, corpusId, declared));

test("converts what is there when attributes are declared, and leaves what does not fit as it is", async () => {
  const corpusId = await corpusWith("declared", [
    { price: "12", category: "coat", note: "7" },
    { price: "on request", sizes: "S;M", category: "hat" },
    { price: 3 },
  ]);
  const declared = await declare(corpusId, schema);
  expect(declared).toMatchObject({ changed: true, converted: 2, unfit: 2 });
  expect(declared.examples.map(({ origin, problems }) => [origin, ...problems])).toEqual(
    expect.arrayContaining([
      ["1.png", 'Attribute "price" is "on request", expected a number such as 12.5.'],
      ["2.png", 'Attribute "category" is missing, expected a text.'],
    ]),
  );
  const images = await listImages(database.db, corpusId, { limit: 10 });
  const stored = images.map(({ attributes }) => attributes);
  expect(stored).toContainEqual({ price: 12, category: "coat", note: "7" });
  expect(stored).toContainEqual({ price: "on request", sizes: ["S", "M"], category: "hat" });
  expect(await attributeSchemaOf(database.db, corpusId)).toEqual(schema);
  expect(await declare(corpusId, schema)).toMatchObject({ changed: false, converted: 0, unfit: 0 });
  await declare(corpusId, []);
  expect(await attributeSchemaOf(database.db, corpusId)).toEqual([]);
});

test("lets nobody add pictures by an older declaration while another one is made", async () => {
  const corpusId = await corpusWith("two at once", []);
  await using another = await database.openAnother();
  const order: string[] = [];
  const declaring = database.db.transaction(async (tx) => {
    await declareAttributes(tx, corpusId, schema);
    await wait(200);
    order.push("declared");
  });
  await wait(50);
  const seen = await another.transaction((tx) => lockAttributeSchema(tx, corpusId));
  order.push("read");
  await declaring;
  expect(order).toEqual(["declared", "read"]);
  expect(seen).toEqual(schema);
});

test("filters by the declared type: numbers and days whatever form they are asked for in", async () => {
  const corpusId = await corpusWith("filtered", [
    { price: 9, season: "2026-01-31" },
    { price: 10, season: "2026-01-31T12:00:00.000Z" },
    { price: 100, season: "2026-02-01", weights: [1, 20] },
    { sale: true },
  ]);
  const passing = async (filter: ImageFilter) => {
    const parameters: unknown[] = [corpusId];
    const passes = compileImageFilter(typedFilter(filter, schema), parameters);
    const rows = await database.db.query<{ place: string }>(
      `select right(sha256, 1) as place from images i where i.corpus_id = $1::uuid and ${passes} order by 1`,
      parameters,
    );
    return rows.map(({ place }) => place).join("");
  };
  const attribute = (name: string, rest: object): ImageFilter => ({ attribute: { name, ...rest } });
  expect(await passing(attribute("price", { from: "9.5", to: "100" }))).toBe("12");
  expect(await passing(attribute("price", { in: ["9", 10] }))).toBe("01");
  expect(await passing(attribute("season", { from: "2026-01-31", to: "2026-01-31" }))).toBe("01");
  expect(await passing(attribute("season", { from: "2026-01-31T13:00+01:00" }))).toBe("12");
  expect(await passing({ not: attribute("season", { to: "2026-01-31" }) })).toBe("23");
  expect(await passing(attribute("weights", { from: "19" }))).toBe("2");
  expect(await passing({ or: [attribute("sale", { in: ["yes"] }), attribute("other", { in: ["1"] })] })).toBe("3");
  const typed = (filter: ImageFilter) => () => typedFilter(filter, schema);
  expect(typed(attribute("price", { in: ["cheap"] }))).toThrow(
    '"in" of the attribute "price" is "cheap", expected a number',
  );
  expect(typed(attribute("sizes", { in: ["M", "XL"] }))).toThrow(
    '"in" of the attribute "sizes" is "XL", expected one of "S", "M", "L", as the corpus declares it.',
  );
  expect(typed(attribute("sizes", { from: "A", to: "Z" }))).not.toThrow();
  expect(typed(attribute("season", { from: "spring" }))).toThrow("expected a date such as 2026-01-31");
  expect(typed(attribute("sale", { from: "yes" }))).toThrow(
    '"from" of the attribute "sale" has no meaning: it is true or false. Ask for one of them instead: "in": [true].',
  );
});
