import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { createFakeInference } from "@medley/inference-api/testing";
import { activeSpace, type Database, findCorpus, openDatabase, stepCounts } from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { openCollector } from "@medley/tracing/testing";
import { recordModules } from "@medley/tracing/testing/modules";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InferenceServer, serveInference } from "./testing/inference-server.ts";
import { png } from "./testing/pictures.ts";

const MAIN = resolve(import.meta.dirname, "main.ts");
const home = mkdtempSync(join(tmpdir(), "medley-work-"));
const databaseUrl = process.env.TEST_DATABASE_URL ?? "";
const corpora = ["first", "second"];
let server: InferenceServer;
let db: Database;

beforeAll(async () => {
  const { read } = openBlobStore({ directory: join(home, "blobs") });
  server = await serveInference(createFakeInference({ readBlob: read }));
  db = await openDatabase({ home, databaseUrl });
}, 60_000);
afterAll(async () => {
  await db?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

function start(environment: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, MEDLEY_HOME: home, INFERENCE_URL: server.url, DATABASE_URL: databaseUrl, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const errors = text(child.stderr);
  return { child, errors, ended: new Promise<number | null>((exited) => child.once("exit", exited)) };
}

async function openCaptions(corpus: string): Promise<number> {
  const corpusId = (await findCorpus(db, corpus))?.id ?? "";
  const { caption } = await stepCounts(db, corpusId, (await activeSpace(db, corpusId))?.id ?? null);
  return caption.total === 0 ? Number.NaN : caption.pending + caption.leased;
}

test("a worker that watches does what others left open in every corpus, and ends in good order when it is told to", {
  timeout: 300_000,
}, async () => {
  // One run is not traced and must load nothing for it, one is traced, and the worker's collector is away.
  const modules = recordModules();
  await using collector = await openCollector();
  const traced = [modules.environment, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }];
  for (const [index, corpus] of corpora.entries()) {
    const folder = mkdtempSync(join(tmpdir(), "medley-work-pictures-"));
    writeFileSync(join(folder, "a.png"), png(index));
    const { ended, errors } = start(traced[index] ?? {}, "add", folder, "--corpus", corpus, "--no-captions");
    expect(await ended, await errors).toBe(0);
    expect(await openCaptions(corpus)).toBeNaN();
  }
  expect(modules.packages()).toEqual([]);
  const names = collector.spans.filter(({ parentSpanId }) => parentSpanId === "").map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["ingest run", "ingest register", "ingest embed"]));
  const gone = await openCollector();
  await gone[Symbol.asyncDispose]();
  const { child, errors, ended } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url }, "work", "--watch");
  try {
    for (const corpus of corpora) await expect.poll(() => openCaptions(corpus), { timeout: 120_000 }).toBe(0);
  } finally {
    child.kill("SIGTERM");
  }
  expect(await ended, await errors).toBe(0);
  expect(await errors).toContain("Traces do not reach ");
});
