import { request as httpRequest } from "node:http";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "../testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
let imageId: string;
/** What reached the models and the database in the course of a test. */
let modelCalls = 0;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
  imageId = library.imageIds[0] ?? "";
  for (const method of ["embedTexts", "matchImages", "mapEvidence", "captionImages", "answerQuestions"]) {
    library.interrupt(method, () => void (modelCalls += 1));
  }
  gateway = await serveGateway({ ...library, protection: { introspection: false, maxCostMs: 20_000 } });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});
// Whatever was sent: the server answers the next one, and no model was asked.
afterEach(async () => {
  expect((await gateway.graphql("{ corpora { name } }")).errors).toBeUndefined();
  expect(modelCalls).toBe(0);
});

interface Expected {
  readonly code: string;
  readonly reason?: string;
}
const INVALID = "GRAPHQL_VALIDATION_FAILED";
const repeat = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => text(index)).join(" ");
const nest = (levels: number, inner: string): string =>
  levels === 0 ? inner : `captions { ${nest(levels - 1, inner)} }`;
const SEARCH =
  'query($n: Int!) { search(input: { corpus: "x", all: [{ text: "x" }], rerank: { candidates: $n } }) { edges { rank } } }';
const ASK = `query($id: ID!, $answers: [String!]!) {
  ask(imageId: $id, question: "what?", mode: { rank: { answers: $answers, candidates: 5000 } }) { text } }`;

/** Fragments that each spread the next one twice under other names: 2^20 fields out of 22 lines. */
const EXPLOSION = `{ image(id: "1") { ...F0 } } ${repeat(20, (index) => `fragment F${index} on Image { a: id ...F${index + 1} ...F${index + 1} }`)}
  fragment F20 on Image { id }`;

const OPERATIONS: readonly (readonly [string, string, object, Expected])[] = [
  ["13 levels and more", `{ image(id: "1") { ${nest(14, "text")} } }`, {}, { code: INVALID }],
  [
    "the same in fragments",
    `{ image(id: "1") { ...A } } fragment A on Image { ${nest(7, "...B")} } fragment B on Caption { ${nest(7, "text")} }`,
    {},
    { code: INVALID },
  ],
  [
    "21 searches by aliases",
    `{ ${repeat(21, (index) => `a${index}: corpora { name }`)} }`,
    {},
    { code: INVALID, reason: "TOO_MANY_ROOT_FIELDS" },
  ],
  [
    "aliases below the root",
    `{ corpora { ${repeat(41, (index) => `a${index}: name`)} } }`,
    {},
    { code: INVALID, reason: "TOO_MANY_ALIASES" },
  ],
  [
    "more fields than anyone reads",
    `{ corpora { ${repeat(1001, () => "name")} } }`,
    {},
    { code: INVALID, reason: "TOO_MANY_FIELDS" },
  ],
  ["fragments that explode", EXPLOSION, {}, { code: INVALID, reason: "TOO_MANY_FIELDS" }],
  ["a fragment that spreads itself", "{ ...A } fragment A on Query { ...A }", {}, { code: INVALID }],
  [
    "fragments in a circle",
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    {},
    { code: INVALID },
  ],
  ["2,001 tokens", `{ ${repeat(2001, () => "__typename")} }`, {}, { code: "GRAPHQL_PARSE_FAILED" }],
  ["directives without end", `{ corpora { name ${repeat(990, () => "@x")} } }`, {}, { code: INVALID }],
  ["a thousand open brackets", "{ a ".repeat(900), {}, { code: "GRAPHQL_PARSE_FAILED" }],
  ["introspection", "{ __schema { types { name } } }", {}, { code: INVALID }],
  ["introspection of one type", '{ __type(name: "Query") { name } }', {}, { code: INVALID }],
  [
    "introspection in a fragment",
    "{ ...A } fragment A on Query { s: __schema { types { name } } }",
    {},
    { code: INVALID },
  ],
  ["cost in a variable", SEARCH, { n: 1000 }, { code: "COST_EXCEEDED" }],
  ["a larger cost than there are numbers", SEARCH, { n: 2_147_483_647 }, { code: "COST_EXCEEDED" }],
  ["cost in the default of a variable", SEARCH.replace("Int!", "Int! = 900"), {}, { code: "COST_EXCEEDED" }],
  [
    "cost in fragments that are spread again",
    '{ ...A ...A ...A ...A ...A ...A ...A } fragment A on Query { search(input: { corpus: "x", all: [{ text: "x" }] }) { edges { rank } } }',
    {},
    { code: "COST_EXCEEDED" },
  ],
  [
    "cost in beams",
    'query($d: DecodingInput) { caption(imageId: "1", decoding: $d) { text } }',
    { d: { beam: { beams: 16, maxLength: 200 } } },
    { code: "COST_EXCEEDED" },
  ],
  [
    "cost in samples beside a caption",
    'query($d: DecodingInput) { caption(imageId: "1", decoding: $d, alternatives: 15) { text } }',
    { d: { nucleus: { seed: 1, maxLength: 100 } } },
    { code: "COST_EXCEEDED" },
  ],
  [
    "cost in sorting a whole vocabulary for every token",
    'query($d: DecodingInput) { caption(imageId: "1", decoding: $d, alternatives: 15) { text } }',
    { d: { nucleus: { seed: 1, maxLength: 35, topK: 0 } } },
    { code: "COST_EXCEEDED" },
  ],
  [
    "cost in a list of answers",
    ASK,
    { id: "1", answers: Array.from({ length: 5000 }, (_, index) => `answer ${index}`) },
    { code: "COST_EXCEEDED" },
  ],
  [
    "cost in evidence for every hit",
    'query($n: Int!) { search(input: { corpus: "x", all: [{ text: "x" }], rerank: { candidates: 0 } }, first: $n) { edges { a: evidence(word: "x") { word } b: evidence(word: "x") { word } } } }',
    { n: 500 },
    { code: "COST_EXCEEDED" },
  ],
  [
    "a list of 5,001",
    ASK,
    { id: "1", answers: Array(5001).fill("x") },
    { code: "BAD_USER_INPUT", reason: "VARIABLES_TOO_LARGE" },
  ],
  [
    "20,001 values in many lists",
    "query($x: JSON) { corpora { name } }",
    { a: Array(200).fill(Array(200).fill(1)) },
    { code: INVALID },
  ],
  [
    "many values in variables that nobody declared",
    "{ corpora { name } }",
    { a: Array(200).fill(Array(200).fill(1)) },
    { code: "BAD_USER_INPUT", reason: "VARIABLES_TOO_LARGE" },
  ],
  [
    "text of 200,000 characters",
    'query($t: String!) { search(input: { corpus: "x", all: [{ text: $t }], rerank: { candidates: 0 } }) { edges { rank } } }',
    { t: "x".repeat(200_000) },
    { code: "BAD_USER_INPUT", reason: "INVALID_QUERY" },
  ],
  [
    "an id that is SQL",
    "query($id: ID!) { caption(imageId: $id) { text } }",
    { id: "1'; drop table images; --" },
    { code: "BAD_USER_INPUT", reason: "IMAGE_NOT_FOUND" },
  ],
  [
    "a corpus that is SQL",
    'query($c: String!) { search(input: { corpus: $c, all: [{ text: "x" }] }) { edges { rank } } }',
    { c: "' or '1'='1" },
    { code: "BAD_USER_INPUT", reason: "CORPUS_NOT_FOUND" },
  ],
  [
    "a corpus with a zero byte",
    'query($c: String!) { search(input: { corpus: $c, all: [{ text: "x" }] }) { edges { rank } } }',
    { c: "a\0b" },
    { code: "BAD_USER_INPUT" },
  ],
  [
    "half a character",
    'query($c: String!) { search(input: { corpus: $c, all: [{ text: "x" }] }) { edges { rank } } }',
    { c: "\ud800" },
    { code: "BAD_USER_INPUT" },
  ],
  ["an object for a number", SEARCH, { n: { $gt: 0 } }, { code: "BAD_USER_INPUT" }],
  ["a number beyond 32 bits", SEARCH, { n: 1e300 }, { code: "BAD_USER_INPUT" }],
  [
    "two members of a one-of",
    'query($d: DecodingInput) { caption(imageId: "1", decoding: $d) { text } }',
    { d: { greedy: {}, beam: {} } },
    { code: "BAD_USER_INPUT" },
  ],
  ["names that every object has", "{ constructor __proto__ toString }", {}, { code: INVALID }],
  ["a mutation that does not exist", "mutation { dropCorpus }", {}, { code: INVALID }],
];

describe("refuses", () => {
  test.each(OPERATIONS)("%s", async (_what, query, variables, { code, reason }) => {
    const { errors, data } = await gateway.graphql(query, variables);
    expect(data ?? null).toBeNull();
    expect(errors?.map(({ extensions }) => extensions["code"])).toContain(code);
    if (reason !== undefined) expect(errors?.map(({ extensions }) => extensions["reason"])).toContain(reason);
    expect(JSON.stringify(errors).length).toBeLessThan(150_000);
    expect(JSON.stringify(errors)).not.toMatch(/node_modules|Did you mean|select |at Object/);
  });

  const post = async (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
    path = "/graphql",
    method = "POST",
  ) => {
    const reply = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { "content-type": "application/json", accept: "application/graphql-response+json", ...headers },
      ...(method === "POST" && { body }),
    });
    const text = await reply.text();
    expect(text).not.toMatch(/node_modules|\bat .*:\d+/);
    return { status: reply.status, code: JSON.parse(text).errors?.[0]?.extensions?.code };
  };
  const json = (query: string) => JSON.stringify({ query });

  test("a batch", async () => {
    expect(await post(`[${json("{ corpora { name } }")},${json("{ corpora { name } }")}]`)).toEqual({
      status: 400,
      code: "BAD_REQUEST",
    });
  });
  test("a request that another site makes a browser send", async () => {
    expect(await post(json("{ corpora { name } }"), { "content-type": "text/plain" })).toMatchObject({
      status: 400,
      code: "BAD_REQUEST",
    });
    const link = await fetch(`${gateway.url}/graphql?query=%7Bcorpora%7Bname%7D%7D`);
    expect(link.status).toBe(400);
    expect(await link.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_REQUEST" } }] });
  });
  test("a mutation by GET", async () => {
    const sent = await post("", { "apollo-require-preflight": "1" }, "/graphql?query=mutation%7B__typename%7D", "GET");
    expect(sent.status).toBeGreaterThanOrEqual(400);
  });
  test("bytes that are not UTF-8", async () => {
    const body = new Uint8Array(
      Buffer.concat([
        Buffer.from('{"query":"{ corpora { name } }","x":"'),
        Buffer.from([0xc3, 0x28]),
        Buffer.from('"}'),
      ]),
    );
    expect(await post(body)).toEqual({ status: 400, code: "BAD_REQUEST" });
  });
  test("JSON of 400,000 levels", async () => {
    const deep = "[".repeat(400_000) + "]".repeat(400_000);
    const { status, code } = await post(`{"query":"{ corpora { name } }","variables":{"a":${deep}}}`);
    expect(status).toBe(400);
    expect(["BAD_USER_INPUT", "BAD_REQUEST"]).toContain(code);
  });
  test("a body of more than a megabyte, also one that says that it is small", async () => {
    expect(await post(json(`# ${"x".repeat(1_000_000)}`))).toEqual({ status: 413, code: "BODY_TOO_LARGE" });
    expect(await streamedStatus("x".repeat(2_000_000))).toBe(413);
  });
  test("members that would change every object", async () => {
    const body =
      '{"query":"{ corpora { name } }","variables":{"__proto__":{"isAdmin":true}},"__proto__":{"operationName":"x"}}';
    await post(body);
    expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
  });

  /** Without a length, in pieces. */
  function streamedStatus(text: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
      const sent = httpRequest(`${gateway.url}/graphql`, { method: "POST", headers }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      });
      sent.once("error", reject);
      sent.end(text);
    });
  }
});

test("says what an operation was estimated to cost and what it took", async () => {
  const reply = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: `{ image(id: "${imageId}") { id } corpora { name } }` }),
  });
  expect(await reply.json()).toMatchObject({ extensions: { cost: { estimatedMs: 0, spentMs: 0, limitMs: 20_000 } } });
});
