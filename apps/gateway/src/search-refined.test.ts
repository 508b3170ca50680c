import { createFakeInference } from "@medley/inference-api/testing";
import { createInferenceClient, createInferenceHandler, InferenceError } from "@medley/inference-api";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { type Client, createClient, type FormattedExecutionResult } from "graphql-ws";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import WebSocket from "ws";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { changeOf } from "./resolvers/search-refined.ts";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

const PICTURES = 70;

let library: SampleLibrary;
let gateway: ServedGateway;
let client: Client;
let socket: WebSocket | undefined;
const connect = (url = gateway.url) =>
  createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 10_000,
    on: { opened: (opened) => (socket = opened as WebSocket) },
  });

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
  gateway = await serveGateway({ ...library, protection: { maxCostMs: 20_000 } });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  client = connect();
});
afterEach(async () => {
  for (const method of ["embedTexts", "matchImages"]) library.interrupt(method, null);
  await client.dispose();
});

const PAGE = `
  edges { rank rankBeforeRerank itcCosine itmLogit matchProbability rerankScore textScore fusedScore node { id }
    clauses { place itcCosine itmLogit fit } }
  pageInfo { hasNextPage hasPreviousPage } total { value relation } verdict { verdict decidedBy answerProbability }
  facets { name values { value count hits } }
  report { candidates { requested retrieved byText reranked } indexMode spaceId modelFingerprint degraded { stage code images } }`;
const REFINED = `subscription ($input: SearchInput!, $first: Int, $after: String) {
  searchRefined(input: $input, first: $first, after: $after) {
    judged candidates isFinal change { isStable entered left moved }
    page { ${PAGE} last: pageInfo { endCursor } }
  }
}`;
const SEARCH = `query ($input: SearchInput!, $first: Int, $after: String) {
  search(input: $input, first: $first, after: $after) { ${PAGE} }
}`;

// Tests read events freely; the schema types them elsewhere.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Event = any;

const variablesOf = (input: object = {}, more: object = {}) => ({
  input: { corpus: library.corpus.name, all: [{ text: "a dog" }], ...input },
  first: 10,
  ...more,
});

async function watch(variables: object, query = REFINED): Promise<FormattedExecutionResult<Event, unknown>[]> {
  const results: FormattedExecutionResult<Event, unknown>[] = [];
  for await (const result of client.iterate<Event>({ query, variables: { ...variables } })) results.push(result);
  return results;
}

async function refinements(input: object = {}, more: object = {}): Promise<Event[]> {
  const results = await watch(variablesOf(input, more));
  expect(results.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  return results.map(({ data }) => data.searchRefined);
}

const kept = async () =>
  (await library.db.query<{ count: number }>("select count(*)::integer as count from search_sessions", []))[0]?.count;
const codeOf = ({ errors }: FormattedExecutionResult<Event, unknown>) => errors?.[0]?.extensions?.["code"];

test("answers before anything is judged, and ends with what the query search gives, whose later pages follow", async () => {
  const input = { filter: { attribute: { name: "number", from: 1 } }, facets: [{ name: "number", first: 3 }] };
  const events = await refinements(input);
  const [first] = events;
  const last = events.at(-1);
  expect(first).toMatchObject({ judged: 0, candidates: PICTURES - 1, isFinal: false });
  expect(first.page.edges).toHaveLength(10);
  expect(first.page.edges.every(({ itmLogit }: Event) => itmLogit === null)).toBe(true);
  expect(first.page).toMatchObject({ facets: [], total: { relation: "AT_LEAST" }, last: { endCursor: null } });
  expect(last).toMatchObject({ judged: PICTURES - 1, candidates: PICTURES - 1, isFinal: true });
  expect(events.filter(({ isFinal }) => isFinal)).toHaveLength(1);

  const { last: pageInfo, ...page } = last.page;
  const query = await gateway.graphql(SEARCH, variablesOf(input));
  expect(page).toEqual(query.data.search);
  const after = pageInfo.endCursor;
  const second = await gateway.graphql(SEARCH, variablesOf(input, { after }));
  expect(second.data.search.edges[0].rank).toBe(11);
  const [same, ...more] = await refinements(input, { after });
  expect(more).toEqual([]);
  expect(same).toMatchObject({ isFinal: true, judged: PICTURES - 1 });
  expect(same.page.edges).toEqual(second.data.search.edges);
});

test("is counted as one search in the metrics, with the time of each stage and every call to the models", async () => {
  const counts = async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const count = (series: string) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(series))
          ?.split(" ")
          .at(-1) ?? 0,
      );
    return [
      count('medley_search_stage_seconds_count{stage="RERANK"}'),
      count('medley_graphql_fields_total{field="Subscription.searchRefined",code="OK"}'),
      count('medley_inference_call_seconds_count{method="matchImages"}'),
    ];
  };
  const before = await counts();
  await refinements();
  const added = (await counts()).map((count, place) => count - (before[place] ?? 0));
  expect(added).toEqual([1, 1, Math.ceil(PICTURES / 32)]);
});

test("says with every event what is different on the page since the one before", async () => {
  const events = await refinements();
  const pages = events.map(({ page }) => page.edges.map(({ node }: Event) => node.id as string));
  expect(events[0].change).toEqual({ isStable: false, entered: 10, left: 0, moved: 0 });
  for (const [place, { change }] of events.entries())
    expect(change).toEqual(changeOf(pages[place - 1] ?? [], pages[place]));
  expect(changeOf(["a", "b", "c"], ["a", "b", "c"])).toEqual({ isStable: true, entered: 0, left: 0, moved: 0 });
  expect(changeOf(["a", "b", "c"], ["b", "a", "d"])).toEqual({ isStable: false, entered: 1, left: 1, moved: 2 });
  expect(changeOf(["a", "b"], ["a"])).toEqual({ isStable: false, entered: 0, left: 1, moved: 0 });
});

test("judges composed searches, with what should not be there and pictures, as the query does", async () => {
  const [first] = library.imageIds;
  const input = { all: [{ text: "a dog" }, { imageId: first }], none: [{ text: "number 3" }] };
  const last = (await refinements(input)).at(-1);
  const { last: _pageInfo, ...page } = last.page;
  expect(page).toEqual((await gateway.graphql(SEARCH, variablesOf(input))).data.search);
});

test("gives one final event that says so while the engine is away", async () => {
  library.interrupt("embedTexts", () => {
    throw new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
  });
  const events = await refinements({ all: [{ text: "number 7" }] });
  expect(events).toMatchObject([
    {
      isFinal: true,
      judged: 0,
      candidates: 0,
      page: { report: { degraded: [{ stage: "EMBED_QUERY", code: "UNAVAILABLE" }] } },
    },
  ]);
  expect(events[0].page.edges[0].node.id).toBe(library.imageIds[7]);
});

test("ends with the code of what is wrong with the search, and goes on serving the connection", async () => {
  const codes = [
    [variablesOf({ corpus: "nowhere" }), "BAD_USER_INPUT"],
    [variablesOf({ all: [] }), "BAD_USER_INPUT"],
    [variablesOf({}, { first: 0 }), "BAD_USER_INPUT"],
    [variablesOf({}, { after: "nonsense" }), "BAD_USER_INPUT"],
    [variablesOf({ all: [{ imageId: "nobody" }] }), "BAD_USER_INPUT"],
    [variablesOf({ rerank: { budgetMs: 0 } }), "BAD_USER_INPUT"],
  ] as const;
  for (const [variables, code] of codes) {
    const results = await watch(variables);
    expect(results.map(codeOf)).toEqual([code]);
  }
  expect((await refinements()).at(-1).isFinal).toBe(true);
});

test("is refused where it would cost too much, by its candidates or by what is asked of every event", async () => {
  const refused = [{ extensions: { code: "COST_EXCEEDED" } }];
  await expect(watch(variablesOf({ rerank: { candidates: 1000 } }))).rejects.toMatchObject(refused);
  const dear = (first: number) => `subscription ($input: SearchInput!) { searchRefined(input: $input, first: ${first}) {
    isFinal page { edges { node { nearDuplicates(first: 10) { image { nearDuplicates(first: 10) { image { id } } } } } } } } }`;
  expect((await watch(variablesOf(), dear(10))).at(-1)?.data.searchRefined.isFinal).toBe(true);
  await expect(watch(variablesOf(), dear(500))).rejects.toMatchObject(refused);
});

/** Lets searches come as far as the engine, and tells when it was stopped. */
function holdEngine() {
  const held = { started: 0, stopped: 0 };
  const goOn = Promise.withResolvers<void>();
  library.interrupt("matchImages", async ({ signal }) => {
    held.started += 1;
    const stopped = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
    await Promise.race([stopped.then(() => (held.stopped += 1)), goOn.promise]);
  });
  return { held, goOn: goOn.resolve };
}

test.each([
  ["the client unsubscribes", (events: AsyncIterableIterator<unknown>) => void events.return?.()],
  ["the connection breaks", () => socket?.terminate()],
])("stops the engine when %s, and keeps no answer", async (_what, leave) => {
  const before = await kept();
  const { held, goOn } = holdEngine();
  const events = client.iterate<Event>({ query: REFINED, variables: variablesOf() });
  expect((await events.next()).value.data.searchRefined).toMatchObject({ judged: 0, isFinal: false });
  leave(events);
  await expect.poll(() => held.stopped).toBe(Math.ceil(PICTURES / 32));
  expect(held.started).toBe(held.stopped);
  goOn();
  await client.dispose();
  client = connect();
  expect((await refinements()).at(-1).isFinal).toBe(true);
  expect(await kept()).toBe((before ?? 0) + 1);
});

test("runs eight searches of a connection at a time, refuses more of them, and takes others again when those end", async () => {
  const { held, goOn } = holdEngine();
  const codes: unknown[] = [];
  const runs = Array.from({ length: 50 }, async () => {
    try {
      return await watch(variablesOf());
    } catch (error) {
      codes.push((error as { extensions: { code: string } }[])[0]?.extensions.code);
      return [];
    }
  });
  await expect.poll(() => codes.length).toBe(42);
  expect(new Set(codes)).toEqual(new Set(["RATE_LIMITED"]));
  expect(held.started).toBeLessThanOrEqual(8 * Math.ceil(PICTURES / 32));
  const through = `subscription ($input: SearchInput!) { ...Search } fragment Search on Subscription {
    ... on Subscription { found: searchRefined(input: $input) { judged } } }`;
  await expect(watch(variablesOf(), through)).rejects.toMatchObject([{ extensions: { code: "RATE_LIMITED" } }]);
  goOn();
  const finished = (await Promise.all(runs)).filter(({ length }) => length > 0);
  expect(finished.map((events) => events.at(-1)?.data.searchRefined.isFinal)).toEqual(Array(8).fill(true));
  expect((await refinements()).at(-1).isFinal).toBe(true);
});

test("tells an engine in a process behind HTTP to stop as well", async () => {
  let stopped = 0;
  const engine = createFakeInference({
    readBlob: library.blobs.read,
    before: async (method, { signal }) => {
      if (method !== "matchImages") return;
      await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
      stopped += 1;
    },
  });
  const handle = createInferenceHandler(engine);
  const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    let body = "";
    for await (const part of request) body += String(part);
    const reply = await handle({ method: request.method ?? "", path: request.url ?? "", body, signal: gone.signal });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const inference = createInferenceClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const served = await serveGateway({ ...library, inference });
  const remote = connect(served.url);
  const events = remote.iterate<Event>({ query: REFINED, variables: variablesOf() });
  expect((await events.next()).value.data.searchRefined.judged).toBe(0);
  void events.return?.();
  await expect.poll(() => stopped).toBe(Math.ceil(PICTURES / 32));
  await remote.dispose();
  await served[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

test("takes the id of a search that was ended for another one at once, and tells its events and its end apart", async () => {
  const held = Promise.withResolvers<void>();
  library.interrupt("matchImages", () => held.promise);
  const raw = new WebSocket(`${gateway.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const heard: { type: string; id?: string; payload?: FormattedExecutionResult }[] = [];
  raw.on("message", (data) => heard.push(JSON.parse(String(data))));
  await new Promise((resolve) => raw.once("open", resolve));
  const send = (message: object) => raw.send(JSON.stringify(message));
  const subscribe = (first: number) => {
    const variables = { input: { corpus: library.corpus.name, all: [{ text: "a dog" }] }, first };
    send({ type: "subscribe", id: "1", payload: { query: REFINED, variables } });
  };
  send({ type: "connection_init" });
  await expect.poll(() => heard.length).toBe(1);
  subscribe(5);
  await expect.poll(() => heard.length).toBe(2);
  send({ type: "complete", id: "1" });
  subscribe(3);
  send({ type: "complete", id: "1" });
  subscribe(2);
  held.resolve();
  await expect.poll(() => heard.some(({ type }) => type === "complete"), { timeout: 10_000 }).toBe(true);
  raw.close();
  const events = heard.slice(2, -1).map(({ payload }) => payload as FormattedExecutionResult<Event>);
  expect(heard.at(-1)).toEqual({ type: "complete", id: "1" });
  expect(events.map(({ errors }) => errors)).toEqual(events.map(() => undefined));
  expect(events.map(({ data }) => data?.searchRefined.page.edges.length)).toEqual(events.map(() => 2));
  expect(events.at(-1)?.data.searchRefined.isFinal).toBe(true);
});
