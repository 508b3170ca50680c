import { request as httpRequest } from "node:http";
import { openPartFiles } from "@medley/storage/part-files";
import { startTracing, type Tracing } from "@medley/tracing/start";
import { type Collector, openCollector, type ReceivedSpan } from "@medley/tracing/testing";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { firstEvent } from "../testing/first-event.ts";
import { type ServedGateway, serveGateway } from "../testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "../testing/two-corpora.ts";

let collector: Collector;
let tracing: Tracing;
let corpora: TwoCorpora;
let gateway: ServedGateway;
beforeAll(async () => {
  collector = await openCollector();
  const settings = { headers: {}, protocol: "http/protobuf", resourceAttributes: {}, sampleRatio: 1 } as const;
  const warn = (sentence: string) => expect.unreachable(sentence);
  corpora = await openTwoCorpora();
  tracing = await startTracing({ ...settings, url: `${collector.url}/v1/traces` }, { service: "gateway", warn });
  const parts = openPartFiles({ directory: `${corpora.library.home}/uploads` });
  gateway = await serveGateway({ ...corpora.library, parts });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await tracing?.[Symbol.asyncDispose]();
  await corpora?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
});

const SEARCH = `query Find($corpus: String!, $text: String!) {
  search(input: { corpus: $corpus, all: [{ text: $text }] }) { edges { rank node { id } } } }`;

let traces = 0;
/** A request in a trace of its own, and what was recorded of it. */
async function traced(query: string, variables: object = {}, flags = "01") {
  const traceId = String((traces += 1)).padStart(32, "a");
  const headers = { traceparent: `00-${traceId}-00000000000000b7-${flags}` };
  const reply = await gateway.graphql(query, variables, headers);
  // The last span ends with the connection's answer, a moment after the caller has read it.
  await expect.poll(() => tracing.openSpans).toBe(0);
  await tracing.flush();
  return { reply, traceId, spans: collector.ofTrace(traceId) };
}
const pathOf = (spans: readonly ReceivedSpan[], span: ReceivedSpan): string => {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? `${pathOf(spans, parent)} > ${span.name}` : span.name;
};

test("shows a search as one trace that goes on with its caller's: request, field, stages and statements", async () => {
  const { reply, spans } = await traced(SEARCH, { corpus: corpora.mine.corpus.name, text: "a secret dog" });
  expect(reply.data.search.edges).not.toEqual([]);
  const paths = spans.map((span) => pathOf(spans, span));
  for (const path of [
    "query",
    "query > Query.search",
    "query > Query.search > SELECT corpora",
    "query > Query.search > encode query",
    "query > Query.search > vector search > SELECT embeddings",
    "query > Query.search > text search > SELECT captions",
    "query > Query.search > re-rank",
    "query > Query.search > INSERT search_sessions",
    "query > Query.search > SELECT image_origins images",
  ]) {
    expect(
      paths.some((each) => each === path || each.startsWith(`${path} `)),
      `${path} in ${paths.join("\n")}`,
    ).toBe(true);
  }
  const [root] = spans.filter(({ kind }) => kind === "server");
  expect(root).toMatchObject({
    name: "query",
    service: "medley-gateway",
    parentSpanId: "00000000000000b7",
    failed: false,
    attributes: {
      "http.request.method": "POST",
      "http.route": "/graphql",
      "http.response.status_code": 200,
      "graphql.operation.type": "query",
      "graphql.operation.name": "Find",
    },
  });
  expect(spans.find(({ name }) => name === "Query.search")?.attributes).toMatchObject({
    "medley.search.index_mode": "exact",
    "medley.search.retrieved": 3,
    "medley.search.degraded": [],
  });
  expect(spans.find(({ name }) => name === "re-rank")?.attributes).toEqual({ "medley.search.stage": "RERANK" });
  const everything = JSON.stringify(spans);
  for (const text of ["secret", corpora.mine.corpus.name, "select", "the picture with"]) {
    expect(everything, text).not.toContain(text);
  }
});

test("records nothing of a request whose trace is not recorded", async () => {
  const { reply, spans } = await traced(SEARCH, { corpus: corpora.mine.corpus.name, text: "dog" }, "00");
  expect(reply.errors).toBeUndefined();
  expect(spans).toEqual([]);
});

test("says in a masked error which trace it belongs to, and marks what failed", async () => {
  corpora.library.interrupt("embedTexts", () => {
    throw new Error("a secret cause");
  });
  const variables = { corpus: corpora.mine.corpus.name, text: "dog" };
  const { reply, traceId, spans } = await traced(SEARCH, variables);
  corpora.library.interrupt("embedTexts", null);
  expect(reply.errors?.[0]?.extensions).toEqual({ code: "INTERNAL_SERVER_ERROR", traceId });
  const failed = spans.filter(({ failed }) => failed).map(({ name, attributes }) => [name, attributes["error.type"]]);
  expect(failed.sort()).toEqual([
    ["Query.search", "Error"],
    ["encode query", "Error"],
    ["query", "INTERNAL_SERVER_ERROR"],
  ]);
  expect(JSON.stringify(spans)).not.toContain("secret");
});

test("does not take what a client got wrong for a failure of the server", async () => {
  const { reply, spans } = await traced(SEARCH, { corpus: "nowhere", text: "dog" });
  expect(reply.errors?.[0]?.extensions).not.toHaveProperty("traceId");
  const [root] = spans.filter(({ kind }) => kind === "server");
  expect(root).toMatchObject({ failed: false, attributes: { "medley.graphql.codes": ["BAD_USER_INPUT"] } });
  const invalid = await traced("{ nothing }");
  expect(invalid.spans).toMatchObject([{ name: "POST /graphql", attributes: { "http.response.status_code": 400 } }]);
});

test("leaves no span open after uploads, broken connections and subscriptions, and keeps their keys out", async () => {
  const create = `mutation($corpus: String!) { createUpload(input: { corpus: $corpus, sizeBytes: 4096 }) { upload { url } } }`;
  const before = collector.spans.length;
  const { reply } = await traced(create, { corpus: corpora.mine.corpus.name });
  const path = reply.data.createUpload.upload.url as string;
  const sent = httpRequest(`${gateway.url}${path}`, { method: "PUT", headers: { "content-length": 4096 } });
  sent.on("error", () => {});
  await new Promise<void>((written) => sent.write(Buffer.alloc(1000), () => written()));
  await expect.poll(() => tracing.openSpans).toBeGreaterThan(0);
  sent.destroy();
  await expect.poll(() => tracing.openSpans).toBe(0);
  const offset = (await fetch(`${gateway.url}${path}`, { method: "HEAD" })).headers.get("upload-offset");
  const body = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(4088)]);
  const headers = { "upload-offset": String(offset) };
  await fetch(`${gateway.url}${path}`, { method: "PUT", headers, body: new Uint8Array(body.subarray(Number(offset))) });

  const watched = await firstEvent(
    gateway.url,
    `subscription { operationUpdated(id: "${corpora.mine.operationId}") { state } }`,
    {},
  );
  expect(watched.data).toEqual({ operationUpdated: { state: "RUNNING" } });
  await expect.poll(() => tracing.openSpans).toBe(0);
  await tracing.flush();
  const seen = collector.spans.slice(before);
  const requests = seen.filter(({ kind }) => kind === "server");
  expect(requests.map(({ name }) => name).sort()).toEqual([
    "HEAD /uploads/{token}",
    "PUT /uploads/{token}",
    "PUT /uploads/{token}",
    "mutation",
  ]);
  expect(requests.find(({ failed }) => failed)?.attributes).toMatchObject({ "error.type": "CALLER_GONE" });
  expect(seen.some(({ name }) => name.startsWith("Subscription"))).toBe(false);
  expect(JSON.stringify(seen)).not.toContain(path.split("/").at(-1));
});

const WATCHED = `subscription Watch($corpus: String!, $text: String!) {
  searchRefined(input: { corpus: $corpus, all: [{ text: $text }] }) { isFinal page { edges { node { id origins } } } } }`;

/** Watches a search to its end, or until the first event, and gives what was recorded of it. */
async function watchedSearch(variables: { corpus: string; text: string }, onLeft?: () => void) {
  const before = collector.spans.length;
  const client = createClient({ url: `${gateway.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket });
  let isFinal: unknown;
  let failure: unknown;
  try {
    for await (const event of client.iterate({ query: WATCHED, variables })) {
      isFinal = (event.data as { searchRefined?: { isFinal: boolean } } | null)?.searchRefined?.isFinal;
      if (onLeft) break;
    }
  } catch (error) {
    failure = error;
  }
  await client.dispose();
  onLeft?.();
  await expect.poll(() => tracing.openSpans).toBe(0);
  await tracing.flush();
  return { isFinal, failure, spans: collector.spans.slice(before) };
}

test("shows a search that is watched as a trace of its own, from its request to its last event", async () => {
  const { isFinal, spans } = await watchedSearch({ corpus: corpora.mine.corpus.name, text: "a secret dog" });
  expect(isFinal).toBe(true);
  const paths = spans.map((span) => pathOf(spans, span));
  for (const path of [
    "subscription",
    "subscription > SELECT corpora",
    "subscription > encode query",
    "subscription > vector search > SELECT embeddings",
    "subscription > re-rank",
    "subscription > INSERT search_sessions",
    "subscription > SELECT image_origins images",
  ]) {
    expect(
      paths.some((each) => each === path || each.startsWith(`${path} `)),
      `${path} in ${paths.join("\n")}`,
    ).toBe(true);
  }
  const [root, ...others] = spans.filter(({ kind }) => kind === "server");
  expect(others).toEqual([]);
  expect(root).toMatchObject({
    failed: false,
    attributes: {
      "graphql.operation.type": "subscription",
      "graphql.operation.name": "Watch",
      "graphql.field.name": "Subscription.searchRefined",
      "medley.search.index_mode": "exact",
      "medley.search.retrieved": 3,
    },
  });
  for (const text of ["secret", corpora.mine.corpus.name]) expect(JSON.stringify(spans), text).not.toContain(text);
});

test("ends the trace of a watched search with its reader, and marks what failed and what a client got wrong", async () => {
  const variables = { corpus: corpora.mine.corpus.name, text: "dog" };
  const rootOf = (spans: readonly ReceivedSpan[]) => spans.find(({ kind }) => kind === "server");
  const held = Promise.withResolvers<void>();
  corpora.library.interrupt("matchImages", () => held.promise);
  const left = await watchedSearch(variables, held.resolve);
  corpora.library.interrupt("matchImages", null);
  expect(rootOf(left.spans)).toMatchObject({ failed: true, attributes: { "error.type": "CALLER_GONE" } });

  corpora.library.interrupt("embedTexts", () => {
    throw new Error("a secret cause");
  });
  const broken = await watchedSearch(variables);
  corpora.library.interrupt("embedTexts", null);
  expect(rootOf(broken.spans)).toMatchObject({ failed: true, attributes: { "error.type": "INTERNAL_SERVER_ERROR" } });
  expect(JSON.stringify(broken.spans)).not.toContain("secret");

  const nowhere = await watchedSearch({ ...variables, corpus: "nowhere" });
  const codes = { "medley.graphql.codes": ["BAD_USER_INPUT"] };
  expect(rootOf(nowhere.spans)).toMatchObject({ failed: false, attributes: codes });
});
