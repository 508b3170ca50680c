import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createHome, freePort, medley, parseLines, processesOf, REPOSITORY, until } from "./support/medley.ts";
import { writeRandomModels } from "./support/models.ts";
import { type Stack, startStack } from "./support/stack.ts";
import { subscribeTo } from "./support/subscribe.ts";

// The bundled model and the whole demo corpus: what a person sees who has just cloned the repository.
const DEMO_PICTURES = readFileSync(join(REPOSITORY, "assets/demo/manifest.jsonl"), "utf8").trim().split("\n").length;
/** The first start reads and embeds every demo picture, on whatever machine runs the tests. */
const FIRST_START_MS = 540_000;
/** Issue 3: from the command to an answered query. */
const SECOND_START_MS = 15_000;

type StartEvent =
  | { readonly event: "listening"; readonly url: string }
  | {
      readonly event: "answer";
      readonly corpus: string;
      readonly text: string;
      readonly hits: readonly { readonly path: string; readonly itcCosine: number; readonly itmLogit: number | null }[];
    }
  | { readonly event: "ready"; readonly url: string; readonly graphiql: string };

interface CorpusState {
  readonly imageCount: number;
  readonly coverage: readonly { readonly step: string; readonly done: number; readonly total: number }[];
}

interface SearchResult {
  readonly edges: readonly {
    readonly rank: number;
    readonly rankBeforeRerank: number | null;
    readonly itcCosine: number;
    readonly itmLogit: number | null;
    readonly rerankScore: number | null;
    readonly textShare: number;
    readonly fusedScore: number | null;
    readonly node: {
      readonly id: string;
      readonly sha256: string;
      readonly url: string;
      readonly thumbnailUrl: string;
      readonly origins: readonly string[];
    };
  }[];
  readonly report: { readonly degraded: readonly unknown[]; readonly itcWeight: number };
}

const SEARCH = `query ($text: String!, $textWeight: Float! = 0.5) {
  search(input: { corpus: "demo", all: [{ text: $text }], textWeight: $textWeight }, first: 12) {
    edges { rank rankBeforeRerank itcCosine itmLogit rerankScore textShare textCosine textScore fusedScore node { id sha256 url thumbnailUrl origins } }
    report { degraded { code } itcWeight }
  }
}`;
const DEMO = `{ corpus(name: "demo") { imageCount coverage { step done total } } }`;

const home = createHome();
let running: Stack | undefined;

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

function stack(): Stack {
  if (!running) throw new Error("The stack did not start");
  return running;
}

function eventsOf(text: string): StartEvent[] {
  return parseLines<StartEvent>(text.slice(0, text.lastIndexOf("\n") + 1));
}

async function waitForReadyEvent(started: Stack, timeoutMs: number): Promise<StartEvent[]> {
  await expect
    .poll(() => eventsOf(started.process.stdout()).map(({ event }) => event), { timeout: timeoutMs, interval: 200 })
    .toContain("ready");
  return eventsOf(started.process.stdout());
}

test("goes from an empty home to a printed query with real hits", { timeout: 2 * FIRST_START_MS }, async () => {
  running = await startStack({ home: home.path, demo: true, timeoutMs: FIRST_START_MS });
  const events = await waitForReadyEvent(running, FIRST_START_MS);
  expect(events.map(({ event }) => event)).toEqual(["listening", "answer", "ready"]);
  const answer = events.find((event) => event.event === "answer");
  expect(answer?.text).toBe("a red apple");
  expect(answer?.hits).toHaveLength(3);
  for (const { path, itmLogit } of answer?.hits ?? []) {
    expect(existsSync(path), path).toBe(true);
    expect(itmLogit).toBeTypeOf("number");
  }
  expect(running.process.stderr()).toMatch(/demo pictures \(first start only\)/);
  const { corpus } = await running.graphql<{ corpus: CorpusState }>(DEMO);
  expect(corpus.imageCount).toBe(DEMO_PICTURES);
  expect(corpus.coverage.find(({ step }) => step === "embed")).toMatchObject({
    done: DEMO_PICTURES,
    total: DEMO_PICTURES,
  });
});

test("goes on with captions by itself once it answers", { timeout: 120_000 }, async () => {
  const captioned = async () => {
    const { corpus } = await stack().graphql<{ corpus: CorpusState }>(DEMO);
    return corpus.coverage.find(({ step }) => step === "caption")?.done ?? 0;
  };
  await expect.poll(captioned, { timeout: 100_000, interval: 500 }).toBeGreaterThan(0);
});

test("answers a search in the order of its scores, with all of them and both ranks of every hit", async () => {
  const { search } = await stack().graphql<{ search: SearchResult }>(SEARCH, { text: "a red apple" });
  expect(search.report.degraded).toEqual([]);
  expect(search.edges.map(({ rank }) => rank)).toEqual(search.edges.map((_, index) => index + 1));
  const scores = search.edges.map(({ fusedScore }) => fusedScore ?? Number.NaN);
  expect(scores).toEqual(scores.toSorted((left, right) => right - left));
  expect(search.edges[0]?.textShare).toBeGreaterThan(0);
  const [printed] = eventsOf(stack().process.stdout()).filter((event) => event.event === "answer");
  expect(search.edges[0]?.node.origins).toContain(printed?.hits[0]?.path);
});

test("answers at once where a search is watched, and at the end to the last bit as the query does", async () => {
  const fields = "edges { rank itcCosine itmLogit rerankScore textScore fusedScore node { id } }";
  const watched = await subscribeTo<Watched>(
    stack().url,
    `subscription($text: String!) { searchRefined(input: { corpus: "demo", all: [{ text: $text }] }, first: 12) {
      judged candidates isFinal page { ${fields} report { degraded { code } } } } }`,
    { text: "a dog on a beach" },
  );
  const judged = watched.map((event) => event.judged);
  expect(judged).toEqual(judged.toSorted((left, right) => left - right));
  expect([judged[0], judged.at(-1)]).toEqual([0, watched[0]?.candidates]);
  expect(watched.map(({ isFinal }) => isFinal)).toEqual(watched.map((_, index) => index === watched.length - 1));
  for (const { page } of watched) expect([page.edges.length, page.report.degraded]).toEqual([12, []]);
  const { search } = await stack().graphql<{ search: Watched["page"] }>(
    `query($text: String!) { search(input: { corpus: "demo", all: [{ text: $text }] }, first: 12) { ${fields} } }`,
    { text: "a dog on a beach" },
  );
  expect(watched.at(-1)?.page.edges).toEqual(search.edges);
});

interface Watched {
  readonly judged: number;
  readonly candidates: number;
  readonly isFinal: boolean;
  readonly page: { readonly edges: readonly object[]; readonly report: { readonly degraded: readonly unknown[] } };
}

test("finds a picture by its own text although the models do not see it", async () => {
  const ask = (textWeight: number) =>
    stack().graphql<{ search: SearchResult }>(SEARCH, { text: "Kinderdijk", textWeight });
  const named = ({ search }: { search: SearchResult }) =>
    search.edges.find(({ node }) => node.origins[0]?.includes("renewable-windmill13"))?.rank;
  expect(named(await ask(0.5))).toBe(1);
  expect(named(await ask(0))).not.toBe(1);
});

test("answers a search in the order of the matcher when texts weigh nothing", async () => {
  const { search } = await stack().graphql<{ search: SearchResult }>(SEARCH, { text: "a red apple", textWeight: 0 });
  const scores = search.edges.map(({ itmLogit, itcCosine, rerankScore }) => {
    expect(rerankScore).toBeCloseTo((itmLogit ?? Number.NaN) + search.report.itcWeight * itcCosine, 3);
    return rerankScore ?? Number.NaN;
  });
  expect(scores).toEqual(scores.toSorted((left, right) => right - left));
  expect(new Set(search.edges.map(({ rankBeforeRerank }) => rankBeforeRerank)).size).toBe(12);
});

test("captions a picture and answers a question about it over GraphQL", async () => {
  const { search } = await stack().graphql<{ search: SearchResult }>(SEARCH, { text: "a red apple" });
  const id = search.edges[0]?.node.id;
  const { caption } = await stack().graphql<{ caption: { text: string; modelFingerprint: string } }>(
    `query ($id: ID!) { caption(imageId: $id) { text modelFingerprint } }`,
    { id },
  );
  expect(caption.text.split(" ").length).toBeGreaterThan(2);
  expect(caption.modelFingerprint).toMatch(/^[0-9a-f]{64}$/);
  const again = await stack().graphql<{ caption: { text: string; stored: boolean } }>(
    `query ($id: ID!) { caption(imageId: $id) { text stored } }`,
    { id },
  );
  expect(again.caption).toEqual({ text: caption.text, stored: true });
  const { ask } = await stack().graphql<{ ask: { text: string; logProbability: number; mode: string } }>(
    `query ($id: ID!) { ask(imageId: $id, question: "What colour is it?") { text logProbability mode } }`,
    { id },
  );
  expect(ask.text).not.toBe("");
  expect(ask.logProbability).toBeLessThan(0);
  expect(ask.mode).toBe("GENERATE");
});

test("serves the bytes of a picture and of its small copy, and says when they have not changed", async () => {
  const { search } = await stack().graphql<{ search: SearchResult }>(SEARCH, { text: "a slice of pizza" });
  const [edge] = search.edges;
  const original = await fetch(stack().url + edge?.node.url);
  expect(original.status).toBe(200);
  expect(original.headers.get("content-type")).toBe("image/webp");
  const path = edge?.node.origins[0] ?? "";
  expect(Buffer.from(await original.arrayBuffer()).equals(readFileSync(path))).toBe(true);
  const thumbnail = await fetch(stack().url + edge?.node.thumbnailUrl);
  expect(thumbnail.headers.get("content-type")).toBe("image/webp");
  const bytes = Buffer.from(await thumbnail.arrayBuffer());
  expect(bytes.toString("latin1", 8, 12)).toBe("WEBP");
  const cached = await fetch(stack().url + edge?.node.url, {
    headers: { "if-none-match": original.headers.get("etag") ?? "" },
  });
  expect(cached.status).toBe(304);
  expect((await fetch(`${stack().url}/images/no-such-picture`)).status).toBe(404);
});

test("serves the page and GraphiQL without a request to any other host", async () => {
  for (const path of ["/", "/graphiql"]) {
    const response = await fetch(stack().url + path);
    expect(response.status, path).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/html");
    const html = await response.text();
    expect(
      [...html.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="(https?:)?\/\/[^"]+/g)].map(([tag]) => tag),
    ).toEqual([]);
  }
});

test("refuses a second start on the same home or the same port in one clear sentence", async () => {
  const { url } = stack();
  const sameHome = await medley(["start"], { home: home.path, env: { MEDLEY_PORT: String(await freePort()) } });
  expect(sameHome.code).toBe(1);
  expect(sameHome.stderr.trim().split("\n")).toHaveLength(1);
  expect(sameHome.stderr).toContain(`already running at ${url}`);

  await using other = createHome();
  const models = writeRandomModels(other.path);
  const port = new URL(url).port;
  const samePort = await medley(["start"], { home: other.path, models, env: { MEDLEY_PORT: port } });
  expect(samePort.code).toBe(1);
  expect(samePort.stderr.trim().split("\n")).toHaveLength(1);
  expect(samePort.stderr).toContain(`Port ${port} of 127.0.0.1 is in use.`);
  expect(processesOf(other.path)).toEqual([]);
});

test("stops on SIGTERM and leaves no process behind", async () => {
  expect(processesOf(home.path).length).toBeGreaterThan(2);
  const { code } = await stack().stop();
  expect(code).toBe(0);
  // The database may still serve another command; it ends by itself when nobody has come for ten seconds.
  await until(() => processesOf(home.path).length === 0, 30_000, "the last process has ended");
  const port = Number(new URL(stack().url).port);
  const server = createServer();
  await new Promise<void>((listening, failed) => server.once("error", failed).listen(port, "127.0.0.1", listening));
  await new Promise((closed) => server.close(closed));
});

test("is ready again within 15 seconds and brings nothing in a second time", async () => {
  const first = running;
  running = await startStack({ home: home.path, demo: true });
  expect(running).not.toBe(first);
  const events = await waitForReadyEvent(running, SECOND_START_MS * 2);
  expect(running.readyAfterMs).toBeLessThan(SECOND_START_MS);
  expect(events.map(({ event }) => event)).toEqual(["listening", "answer", "ready"]);
  expect(running.process.stderr()).not.toMatch(/demo pictures|pictures so far|added/);
  const { corpus } = await running.graphql<{ corpus: CorpusState }>(DEMO);
  expect(corpus.imageCount).toBe(DEMO_PICTURES);
});
