import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as client from "@medley/client";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type GraphqlReply, type ServedGateway, serveGateway } from "../testing/serve.ts";
import { createOperationList, readOperations } from "./operation-list.ts";

const LISTED = "query Names { corpora { ...Named } } fragment Named on Corpus { name }";
const LISTED_ID = createHash("sha256").update(LISTED).digest("hex");
const SEARCH =
  'query Found($q: String!) { search(input: { corpus: "sample", all: [{ text: $q }] }) { edges { rank } } }';
const WATCH = 'subscription Watched { searchRefined(input: { corpus: "nowhere", all: [{ text: "a" }] }) { isFinal } }';
const NOT_LISTED = { extensions: { code: "OPERATION_NOT_LISTED" } };

let folder: string;
let library: SampleLibrary;
let gateway: ServedGateway;

async function operationsFile(content: unknown): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "medley-operations-"));
  library = await openSampleLibrary({ pictures: 1 });
  const file = await operationsFile({ [LISTED_ID]: LISTED, found: SEARCH, watched: WATCH });
  gateway = await serveGateway({ ...library, protection: { operationsFile: file } });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const HEADERS = { "content-type": "application/json", accept: "application/graphql-response+json" };
interface Reply {
  readonly status: number;
  readonly body: Omit<GraphqlReply, "status">;
}

async function post(body: unknown): Promise<Reply> {
  const reply = await fetch(`${gateway.url}/graphql`, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
  return { status: reply.status, body: (await reply.json()) as Reply["body"] };
}

async function get(search: string): Promise<Reply> {
  const reply = await fetch(`${gateway.url}/graphql?${search}`, { headers: { "apollo-require-preflight": "1" } });
  return { status: reply.status, body: (await reply.json()) as Reply["body"] };
}

const byId = (sha256Hash: unknown) => ({ persistedQuery: { version: 1, sha256Hash } });

describe("a gateway with a list of operations", () => {
  test("runs what is listed, however it is spaced, commented and ordered", async () => {
    const names = { corpora: [{ name: library.corpus.name }] };
    expect((await post({ query: LISTED })).body.data).toEqual(names);
    const respaced = "# names\nfragment Named on Corpus {\n  name\n}\n\nquery Names {\n  corpora { ...Named, }\n}";
    expect((await post({ query: respaced })).body.data).toEqual(names);
    const { body } = await post({ query: LISTED.replaceAll("{ ", "{ __typename ") });
    expect(body.data).toEqual({ __typename: "Query", corpora: [{ __typename: "Corpus", ...names.corpora[0] }] });
    expect((await get(new URLSearchParams({ query: LISTED }).toString())).body.data).toEqual(names);
  });

  test("runs what is named by its id alone, which need not be a hash, with variables", async () => {
    const names = { corpora: [{ name: library.corpus.name }] };
    expect((await post({ extensions: byId(LISTED_ID) })).body).toMatchObject({ data: names });
    const address = new URLSearchParams({ extensions: JSON.stringify(byId(LISTED_ID)), operationName: "Names" });
    expect((await get(address.toString())).body.data).toEqual(names);
    const found = await post({ extensions: byId("found"), variables: { q: "a picture" } });
    expect(found.body.errors?.[0]?.message ?? "").not.toContain("listed");
  });

  test("refuses any other text before it says anything about the schema", async () => {
    for (const query of [
      "{ corpora { name } }",
      LISTED.replace("{ name", "{ name: __typename"),
      "query Names { corpora { ...Named } } fragment Named on Corpus { name id }",
      `${LISTED} query Other { models { name } }`,
      "{ nmae }",
      "{ __schema { types { name } } }",
      "not GraphQL {",
      `{ ${"a ".repeat(3000)} }`,
    ]) {
      const { status, body } = await post({ query });
      expect([status, body], query.slice(0, 80)).toMatchObject([403, { errors: [NOT_LISTED] }]);
      expect(body.errors?.[0]?.message).toContain("MEDLEY_OPERATIONS");
    }
  });

  test("lets nobody past the list by a hash, an address or a half request", async () => {
    const query = "{ corpora { name } }";
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const refused = [403, { errors: [NOT_LISTED] }];
    expect(await post({ query, extensions: byId(sha256Hash) }).then(pairOf)).toMatchObject(refused);
    const unmet = { errors: [{ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }] };
    expect((await post({ extensions: byId(sha256Hash) })).body).toMatchObject(unmet);
    expect(await post({ extensions: byId({ toString: "x" }) }).then(pairOf)).toMatchObject(refused);
    expect(await post({ extensions: byId(["found"]) }).then(pairOf)).toMatchObject(refused);
    expect(await get(`?${new URLSearchParams({ query })}`).then(({ status }) => status)).toBe(400);
    expect(await post({ extensions: byId(7) }).then(pairOf)).toMatchObject(refused);
    expect(await post({ extensions: byId("toString") }).then(pairOf)).toMatchObject(refused);
    expect(await get(new URLSearchParams({ query }).toString()).then(pairOf)).toMatchObject(refused);
    const twice = new URLSearchParams([
      ["query", LISTED],
      ["query", query],
    ]);
    expect(await get(twice.toString()).then(pairOf)).toMatchObject(refused);
    for (const body of [{}, { query: null }, { query: 7 }, [{ query }], { query: [query] }]) {
      const { status, body: reply } = await post(body);
      expect(status, JSON.stringify(body)).toBe(400);
      expect(reply.data).toBeUndefined();
    }
    const elsewhere = await fetch(`${gateway.url}/graphql?${new URLSearchParams({ query: LISTED })}`, {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify({ query }),
    });
    expect(elsewhere.status).toBe(403);
  });

  test("goes on with automatic persisted queries for what is listed, and with a text beside its key", async () => {
    const query = LISTED.replace("{ name }", "{  name }");
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const names = { data: { corpora: [{ name: library.corpus.name }] } };
    const unmet = { errors: [{ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }] };
    expect((await post({ extensions: byId(sha256Hash) })).body).toMatchObject(unmet);
    expect((await post({ query, extensions: byId(sha256Hash) })).body).toMatchObject(names);
    expect((await post({ extensions: byId(sha256Hash) })).body).toMatchObject(names);
    expect((await post({ query: LISTED, extensions: byId("found") })).body).toMatchObject(names);
  });

  test("tells nothing of the schema in errors of operations that are listed", async () => {
    const query = "query Any($i: SearchInput!) { search(input: $i) { total { value } } }";
    await using other = await serveGateway({
      ...library,
      protection: { operationsFile: await operationsFile({ any: query, stale: "{ corpora { nmae } }" }) },
    });
    const { errors } = await other.graphql(query, { i: { corpuss: "demo" } });
    expect(JSON.stringify(errors)).not.toContain("Did you mean");
    const said = other.lines.filter(({ message }) => message.includes("listed"));
    expect(said).toMatchObject([
      { level: "error", fields: { operation: "stale" }, message: "listed operation does not fit the schema" },
      { level: "info", fields: { operations: 2 }, message: "only listed operations are run" },
    ]);
  });

  test("takes no more memory for a text that grows when it is printed than for others", async () => {
    const lines = `"""a${"\n".repeat(400_000)}a"""`;
    const query = `${"{a".repeat(490)}(x:${lines})${"}".repeat(490)}`;
    const before = process.resourceUsage().maxRSS;
    expect((await post({ query })).status).toBe(403);
    // Printed it has 400 megabytes, of which each line of the text is indented by a thousand spaces.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(250_000);
  });

  test("counts what it refuses", async () => {
    await post({ query: "{ models { name } }" });
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/medley_graphql_requests?_.*OPERATION_NOT_LISTED/);
  });

  test("holds subscriptions to the list too", async () => {
    const subscriptions = createClient({
      url: `${gateway.url.replace("http", "ws")}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    const first = (query: string, extensions?: Record<string, unknown>) =>
      new Promise((settle) => {
        const request = { query, ...(extensions && { extensions }) };
        subscriptions.subscribe(request, { next: settle, error: settle, complete: () => settle("complete") });
      });
    expect(await first(WATCH.replace("isFinal", "judged isFinal"))).toMatchObject([NOT_LISTED]);
    // Of a corpus that is not there: it was let in, and the search said so.
    expect(await first(WATCH)).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
    expect(await first("", byId("watched"))).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
    await subscriptions.dispose();
  });
});

function pairOf({ status, body }: Reply): [number, unknown] {
  return [status, body];
}

test("lists every operation of the web page and of the client package", async () => {
  const list = createOperationList(new Map());
  const documents = Object.entries(client).filter(([name]) => name.endsWith("Document"));
  expect(documents.length).toBeGreaterThan(8);
  for (const [name, document] of documents) expect(list.includes(String(document)), name).toBe(true);
  const pages = resolve(import.meta.dirname, "../../../web/src/documents");
  const textOf = (name: string) => readFile(join(pages, name), "utf8");
  const fragment = await textOf("search-page.graphql");
  for (const name of (await readdir(pages)).filter((one) => one !== "search-page.graphql")) {
    const text = await textOf(name);
    expect(list.includes(text.includes("...") ? text + fragment : text), name).toBe(true);
  }
  expect(list.includes(LISTED)).toBe(false);
});

test("reads the manifests of graphql-codegen and of Apollo", async () => {
  const read = async (content: unknown) => createOperationList(await readOperations(await operationsFile(content)));
  const codegen = await read({ [LISTED_ID]: LISTED });
  const operations = [{ id: "names", name: "Names", type: "query", body: LISTED }];
  const manifest = { format: "apollo-persisted-query-manifest", version: 1, operations };
  const apollo = await read(manifest);
  expect([codegen.textOf(LISTED_ID), apollo.textOf("names")]).toEqual([LISTED, LISTED]);
  expect([codegen.includes(LISTED), apollo.includes(LISTED)]).toEqual([true, true]);
});

test("takes an operation whose id every object has, and a file that begins with a byte order mark", async () => {
  const path = await operationsFile(
    `\uFEFF{"__proto__": "query P { corpora { id } }", "constructor": "query C { corpora { id } }"}`,
  );
  const list = createOperationList(await readOperations(path));
  expect([list.textOf("__proto__"), list.textOf("toString")]).toEqual(["query P { corpora { id } }", undefined]);
  expect(list.includes("query P { corpora { id } }")).toBe(true);
});

test("does not start with a list that it cannot read, and says what is wrong with it", async () => {
  const start = async (operationsFile: string) => {
    await using _gateway = await serveGateway({ ...library, protection: { operationsFile } });
  };
  await expect(start(join(folder, "none.json"))).rejects.toThrow(/none\.json\) cannot be read: ENOENT/);
  await expect(start(await operationsFile("{"))).rejects.toThrow(/cannot be read: .*JSON/);
  await expect(start(await operationsFile(["query"]))).rejects.toThrow("is no object; expected JSON as");
  await expect(start(await operationsFile({ a: 7 }))).rejects.toThrow('has no text at "a"');
  await expect(start(await operationsFile({ a: "fragment F on Corpus { id }" }))).rejects.toThrow("has no query");
  const manifest = { format: "apollo-persisted-query-manifest", version: 1 };
  const operations = [LISTED, "{ corpora { id } }"].map((body) => ({ id: "same", body }));
  await expect(start(await operationsFile({ ...manifest, operations }))).rejects.toThrow('"same" of MEDLEY_OPERATIONS');
  const without = { ...manifest, operations: [{ id: "a" }] };
  await expect(start(await operationsFile(without))).rejects.toThrow("operations.0.body");
  await expect(start(await operationsFile({ a: "query {" }))).rejects.toThrow('The operation "a" of MEDLEY_OPERATIONS');
});
