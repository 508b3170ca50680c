import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createFakeInference } from "@medley/inference-api/testing";
import type { Inference } from "@medley/inference-api";
import { activateSpace, type Database, ensureCorpus, ensureSpace, openDatabase, saveEmbeddings } from "@medley/storage";
import { type Interval, quantile, uncovered } from "../gateway/own-time.ts";
import { type RunningGateway, startGateway, urlOf } from "../gateway/running-gateway.ts";
import { higherIsBetter, lowerIsBetter, type Measurement, median } from "../measure.ts";
import { benchServer, createBenchDatabase } from "../redecide/bench-database.ts";

const PICTURES = 500;
const HITS = 20;
const WARM_UP = 100;
const SEARCHES = 200;
const PAGES = 1_000;
const CLIENTS = 16;

/**
 * What the gateway itself takes of a search, models and database aside, and how many pages of answers that it keeps it serves a second. The models are a
 * fake that answers at once; the database is a server where the environment names one. Beside it a bare HTTP server that sends the same bytes.
 */
export async function gateway(runs: number): Promise<readonly Measurement[]> {
  const home = mkdtempSync(join(tmpdir(), "medley-bench-"));
  const server = benchServer();
  try {
    await using database = server ? await createBenchDatabase(server) : await openEmbedded(home);
    const inference = createFakeInference({ readBlob: async (sha256) => pictureOf(sha256) });
    await fill(database.db, inference);
    await using running = await startGateway(inference, { home, databaseUrl: database.databaseUrl });
    const client = createClient();
    const example = await client(`${running.url}/graphql`, searchBody("a picture"));
    await using bare = await serveBytes(example);
    const own = await ownTimes(running, client, runs);
    const bareTimes: number[] = [];
    for (let index = 0; index < SEARCHES; index += 1) {
      const before = performance.now();
      await client(bare.url, searchBody(String(index)));
      bareTimes.push(performance.now() - before);
    }
    const pages = await keptPages(running, client, bare.url, runs);
    return [
      lowerIsBetter(
        "gateway",
        `${HITS} hits, without models and SQL, median, against bare HTTP`,
        "ms",
        SEARCHES * runs,
        {
          ours: median(own),
          baseline: median(bareTimes),
        },
      ),
      ...pages,
    ];
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 500 });
  }
}

async function openEmbedded(home: string) {
  console.error("gateway: on the embedded database. Set BENCH_DATABASE_URL to measure on a PostgreSQL server.");
  const db = await openDatabase({ home, idleExitMs: 500 });
  return { db, databaseUrl: undefined, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() };
}

function pictureOf(sha256: string): Uint8Array {
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.from(sha256)]);
}

async function fill(db: Database, inference: Inference): Promise<void> {
  const { id: corpusId } = await ensureCorpus(db, { name: "gateway" });
  const model = (await inference.models()).find(({ role }) => role === "retrieval");
  if (!model) throw new Error("Bug: the fake engine serves no retrieval model.");
  const dimensions = model.embeddingDimensions ?? 0;
  const space = await ensureSpace(db, {
    fingerprint: model.fingerprint,
    name: model.name,
    dimensions,
    preprocessing: {},
  });
  await activateSpace(db, corpusId, space.id);
  const images = await db.query<{ id: string; sha256: string }>(
    `with made as (
       insert into images (corpus_id, sha256, format, width, height, size_bytes)
       select $1::uuid, encode(sha256(n::text::bytea), 'hex'), 'png', 640, 480, 90000 from generate_series(1, $2::integer) as n
       returning id, sha256),
     named as (insert into image_origins (image_id, origin) select id, '/pictures/' || sha256 || '.png' from made)
     select id, sha256 from made`,
    [corpusId, PICTURES],
  );
  const outcomes = await inference.embedImages(images.map(({ sha256 }) => ({ sha256 })));
  const rows = images.map(({ id: imageId }, index) => {
    const outcome = outcomes[index];
    if (!outcome?.ok) throw new Error("Bug: the fake engine refused a picture.");
    return { imageId, corpusId, embedding: outcome.value };
  });
  await saveEmbeddings(db, { spaceId: space.id, rows });
}

const DOCUMENT = `query ($text: String!, $after: String) {
  search(input: { corpus: "gateway", all: [{ text: $text }] }, first: ${HITS}, after: $after) {
    edges { rank fusedScore itcCosine itmLogit matchProbability node { id sha256 thumbnailUrl origins width height } }
    pageInfo { endCursor hasNextPage }
    report { milliseconds indexMode candidates { retrieved reranked } degraded { code } }
  }
}`;

function searchBody(text: string, after: string | null = null): string {
  return JSON.stringify({ query: DOCUMENT, variables: { text, after } });
}

type Client = (url: string, body: string) => Promise<string>;

/** Connections that are kept, as a browser or another server keeps them. */
function createClient(): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  return (url, body) =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request(url, { method: "POST", agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve(Buffer.concat(chunks).toString()));
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

/** Sends the same bytes to whoever asks, after reading what he sent. */
async function serveBytes(bytes: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((incoming, response) => {
    incoming.on("data", () => {});
    incoming.on("end", () => response.setHeader("content-type", "application/json").end(bytes));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const close = () =>
    new Promise<void>((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return { url: urlOf(server), [Symbol.asyncDispose]: close };
}

/** Milliseconds of each search in which the gateway waited neither for the database nor for the models; one search at a time, every text a new one. */
async function ownTimes(running: RunningGateway, client: Client, runs: number): Promise<number[]> {
  const spans: Interval[] = [];
  const now = () => performance.timeOrigin + performance.now();
  for (let index = 0; index < WARM_UP + SEARCHES * runs; index += 1) {
    const from = now();
    const answer = await client(`${running.url}/graphql`, searchBody(`picture number ${index}`));
    if (index === 0) requireHits(answer);
    if (index >= WARM_UP) spans.push([from, now()]);
  }
  // The gateway writes what it recorded every 100 ms.
  await sleep(500);
  const calls = readFileSync(running.callsFile, "utf8")
    .trim()
    .split("\n")
    .flatMap((line) => JSON.parse(line) as Interval[])
    .sort((one, other) => one[0] - other[0]);
  return spans.map((span) =>
    uncovered(
      span,
      calls.filter(([from, to]) => to > span[0] && from < span[1]),
    ),
  );
}

function requireHits(answer: string): void {
  const { data, errors } = JSON.parse(answer) as { data?: { search?: { edges?: unknown[] } }; errors?: unknown };
  if (data?.search?.edges?.length === HITS) return;
  throw new Error(`The gateway did not answer with ${HITS} hits: ${JSON.stringify(errors ?? data).slice(0, 500)}`);
}

/** Pages of answers that the gateway keeps, asked for by several clients, in turns with the bare server. */
async function keptPages(
  running: RunningGateway,
  client: Client,
  bareUrl: string,
  runs: number,
): Promise<Measurement[]> {
  const first = await client(`${running.url}/graphql`, searchBody("a kept answer"));
  const { data } = JSON.parse(first) as { data: { search: { pageInfo: { endCursor: string } } } };
  const body = searchBody("a kept answer", data.search.pageInfo.endCursor);
  requireHits(await client(`${running.url}/graphql`, body));
  const rates = { ours: [] as number[], bare: [] as number[] };
  const slowest: number[] = [];
  const slowestBare: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    const ours = await load(client, `${running.url}/graphql`, body);
    const bare = await load(client, bareUrl, body);
    if (run === 0) continue;
    rates.ours.push(ours.rate);
    rates.bare.push(bare.rate);
    slowest.push(ours.p99);
    slowestBare.push(bare.p99);
  }
  const title = `a kept answer's page of ${HITS} hits, ${CLIENTS} clients`;
  return [
    higherIsBetter("gateway", `${title}, against bare HTTP`, "pages/s", runs, {
      ours: median(rates.ours),
      baseline: median(rates.bare),
    }),
    lowerIsBetter("gateway", `${title}, 99th percentile`, "ms", runs, {
      ours: median(slowest),
      baseline: median(slowestBare),
    }),
  ];
}

async function load(client: Client, url: string, body: string): Promise<{ rate: number; p99: number }> {
  const taken: number[] = [];
  const before = performance.now();
  let next = 0;
  const one = async () => {
    while (next++ < PAGES) {
      const sent = performance.now();
      await client(url, body);
      taken.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
  return { rate: (1000 * taken.length) / (performance.now() - before), p99: quantile(taken, 0.99) };
}
