import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { InferenceError } from "@medley/inference-api";
import { planSteps, type AccessRole } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "../testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "../testing/two-corpora.ts";

let library: TwoCorpora;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openTwoCorpora();
  gateway = await serveGateway({ ...library.library });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const scrape = async (headers: Record<string, string> = {}) => {
  const reply = await fetch(`${gateway.url}/metrics`, { headers });
  return { status: reply.status, text: await reply.text() };
};
/** The value of a series, 0 while it has none. */
const valueOf = (text: string, series: string) =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1) ?? 0,
  );
const search = (name: string) =>
  gateway.graphql(`query Named { search(input: { corpus: "${name}", all: [{ text: "dog" }] }) { edges { rank } } }`);

// Before the first key, while the gateway is open.
test("counts requests by type and code, root fields, stages of searches and calls to models", async () => {
  await search(library.mine.corpus.name);
  await search("nowhere");
  await gateway.graphql("{ nonsense }");
  const { status, text } = await scrape();
  expect(status).toBe(200);
  expect(valueOf(text, 'medley_graphql_requests_total{type="query",code="OK"}')).toBe(1);
  expect(valueOf(text, 'medley_graphql_requests_total{type="query",code="BAD_USER_INPUT"}')).toBe(1);
  expect(valueOf(text, 'medley_graphql_requests_total{type="none",code="GRAPHQL_VALIDATION_FAILED"}')).toBe(1);
  expect(valueOf(text, 'medley_graphql_fields_total{field="Query.search",code="OK"}')).toBe(1);
  expect(valueOf(text, 'medley_graphql_fields_total{field="Query.search",code="BAD_USER_INPUT"}')).toBe(1);
  for (const stage of ["EMBED_QUERY", "RETRIEVE", "RERANK"]) {
    expect(valueOf(text, `medley_search_stage_seconds_count{stage="${stage}"}`), stage).toBe(1);
  }
  expect(valueOf(text, 'medley_inference_call_seconds_count{method="matchImages"}')).toBe(1);
  expect(valueOf(text, 'medley_search_pages_total{source="searched"}')).toBe(1);
  expect(valueOf(text, 'medley_search_image_tokens_total{outcome="stored"}')).toBe(3);
  expect(valueOf(text, 'medley_search_image_tokens_total{outcome="computed"}')).toBe(0);
  expect(text).toContain("process_cpu_seconds_total");
  // Names that clients choose are no labels.
  expect(text).not.toMatch(/Named|nowhere|nonsense/);
});

test("counts in what searches were less than was asked for", async () => {
  library.library.interrupt("matchImages", () => {
    throw new InferenceError("DEADLINE_EXCEEDED", "late");
  });
  await search(library.mine.corpus.name);
  library.library.interrupt("matchImages", null);
  const { text } = await scrape();
  expect(valueOf(text, 'medley_search_degraded_total{stage="RERANK",code="DEADLINE_EXCEEDED"}')).toBe(1);
});

test("counts what a search took once, however many of its pages are read", async () => {
  const page = async (after: string) => {
    const { data } = await gateway.graphql(
      `{ search(input: { corpus: "${library.mine.corpus.name}", all: [{ text: "cat" }] }, first: 1, ${after}) {
           pageInfo { endCursor } report { estimatedRecall cacheHits { imageTokens vectors keptAnswer } } } }`,
    );
    return { after: `after: "${data.search.pageInfo.endCursor}"`, report: data.search.report };
  };
  const before = (await scrape()).text;
  const first = await page("after: null");
  const second = await page(first.after);
  await page(second.after);
  const cacheHits = { imageTokens: 3, vectors: 0, keptAnswer: false };
  expect(first.report).toEqual({ estimatedRecall: 1, cacheHits });
  expect(second.report).toEqual({ estimatedRecall: 1, cacheHits: { ...cacheHits, keptAnswer: true } });
  const { text } = await scrape();
  const grown = (series: string) => valueOf(text, series) - valueOf(before, series);
  expect(grown('medley_search_pages_total{source="searched"}')).toBe(1);
  expect(grown('medley_search_pages_total{source="kept"}')).toBe(2);
  expect(grown('medley_search_stage_seconds_count{stage="RERANK"}')).toBe(1);
  expect(grown('medley_search_image_tokens_total{outcome="stored"}')).toBe(3);
});

test("counts a degradation once, though every page of the kept answer tells of it", async () => {
  library.library.interrupt("matchImages", () => {
    throw new InferenceError("DEADLINE_EXCEEDED", "late");
  });
  const series = 'medley_search_degraded_total{stage="RERANK",code="DEADLINE_EXCEEDED"}';
  const before = valueOf((await scrape()).text, series);
  const page = async (after: string | null) => {
    const { data } = await gateway.graphql(
      `query ($after: String) { search(input: { corpus: "${library.mine.corpus.name}", all: [{ text: "bird" }] }, first: 1, after: $after) {
           pageInfo { endCursor } report { degraded { code } } } }`,
      { after },
    );
    expect(data).toMatchObject({ search: { report: { degraded: [{ code: "DEADLINE_EXCEEDED" }] } } });
    return data.search.pageInfo.endCursor;
  };
  await page(await page(null));
  library.library.interrupt("matchImages", null);
  expect(valueOf((await scrape()).text, series) - before).toBe(1);
});

test("shows what waits to be done, zeros included", async () => {
  await planSteps(library.library.db, { corpusId: library.mine.corpus.id, spaceId: null, steps: ["prepare"] });
  const fresh = await serveGateway({ ...library.library });
  const text = await (await fetch(`${fresh.url}/metrics`)).text();
  await fresh[Symbol.asyncDispose]();
  expect(valueOf(text, 'medley_steps_open{step="prepare",state="pending"}')).toBe(3);
  expect(text).toContain('medley_steps_open{step="filter",state="leased"} 0');
});

test("draws nothing on the dashboard that the gateway does not count", async () => {
  const path = resolve(import.meta.dirname, "../../../../docker/grafana-dashboard.json");
  const { panels } = JSON.parse(readFileSync(path, "utf8")) as { panels: { targets?: { expr: string }[] }[] };
  const expressions = panels.flatMap(({ targets }) => targets?.map(({ expr }) => expr) ?? []);
  expect(expressions.length).toBeGreaterThan(8);
  const { text } = await scrape();
  const names = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
  for (const expression of expressions) {
    const used = [...expression.matchAll(/\b(?:medley|process|nodejs)_\w+/g)].map(([name]) => name);
    expect(used.length, expression).toBeGreaterThan(0);
    for (const name of used) expect(names, expression).toContain(name.replace(/_bucket$/, ""));
  }
});

// From here on there are keys, and the gateway closes.
test("is for programs of this machine and for ADMIN of everything, and nobody behind a proxy counts as the former", async () => {
  const bearer = (role: AccessRole, all = true) => library.bearer(role, all ? undefined : [library.mine.corpus]);
  const forwarded = { "x-forwarded-for": "203.0.113.9" };
  const admin = await bearer("ADMIN");
  await expect.poll(async () => (await scrape(forwarded)).status, { timeout: 20_000 }).toBe(401);
  expect((await scrape()).status).toBe(200);
  expect((await scrape({ ...forwarded, ...admin })).status).toBe(200);
  for (const header of [await bearer("INGESTOR"), await bearer("ADMIN", false), { authorization: "Bearer x" }]) {
    const { status, text } = await scrape({ ...forwarded, ...header });
    expect(status).toBe(403);
    expect(text).not.toContain("medley_steps_open");
  }
  const probe = async (headers: Record<string, string>) => (await fetch(`${gateway.url}/readyz`, { headers })).text();
  expect(await probe(forwarded)).not.toContain(library.mine.corpus.name);
  expect(JSON.parse(await probe(forwarded))).toMatchObject({ ready: true, database: { ok: true } });
  expect(await probe({ ...forwarded, ...admin })).toContain("detail");
});

test("counts no more than a key's and an address's share, and says when to come back", async () => {
  const limited = await serveGateway({ ...library.library, protection: { ratePerKey: 2, ratePerAddress: 5 } });
  const one = await library.bearer("VIEWER");
  const other = await library.bearer("VIEWER");
  const ask = (headers: Record<string, string>) => limited.graphql("{ corpora { name } }", {}, headers);
  expect([await ask(one), await ask(one), await ask(one)].map(({ status }) => status)).toEqual([200, 200, 429]);
  expect((await ask(other)).status).toBe(200);
  // The fifth of this address; guesses count as well, and so do those that follow, whatever key they show.
  expect((await ask({ authorization: "Bearer medley_guess" })).status).toBe(401);
  const refused = await fetch(`${limited.url}/graphql`, { method: "POST", headers: other });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: "RATE_LIMITED", retryable: true } }] });
  await limited[Symbol.asyncDispose]();
});
