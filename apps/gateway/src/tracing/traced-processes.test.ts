import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { createInferenceClient } from "@medley/inference-api";
import { spaceOf } from "@medley/search";
import {
  activateSpace,
  type Database,
  ensureCorpus,
  ensureSpace,
  openDatabase,
  registerImage,
  saveEmbeddings,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { type Collector, openCollector, type ReceivedSpan } from "@medley/tracing/testing";
import { recordModules } from "@medley/tracing/testing/modules";
import { afterAll, beforeAll, expect, test } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../../../..");
const CHECKPOINT = join(REPOSITORY, "libs/blip/fixtures/original/pretrain/model_pretrain.pth");
const PICTURES = ["fluent-3d/red-apple.webp", "fluent-3d/banana.webp", "fluent-3d/green-apple.webp"];

const home = mkdtempSync(join(tmpdir(), "medley-traced-"));
const running: ChildProcess[] = [];
let collector: Collector;
let db: Database;
beforeAll(async () => {
  collector = await openCollector();
  const roles = { retrieval: { checkpoint: CHECKPOINT } };
  writeFileSync(join(home, "medley.models.json"), JSON.stringify({ name: "test", roles }));
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await db?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

/** A server of Medley as a process, once it listens, with its log. */
async function start(app: "gateway" | "inference", environment: Readonly<Record<string, string>>) {
  const inherited = { ...process.env };
  delete inherited["INFERENCE_URL"];
  const child = spawn(process.execPath, [join(REPOSITORY, "apps", app, "src/main.ts")], {
    env: {
      ...inherited,
      ...{ MEDLEY_HOME: home, MEDLEY_MODELS: join(home, "medley.models.json"), MEDLEY_LOG_LEVEL: "info" },
      ...{ MEDLEY_PORT: "0", INFERENCE_PORT: "0", INFERENCE_WORKERS: "1" },
      ...environment,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const exit = new Promise<number | null>((ended) => child.once("exit", ended));
  const lines: Record<string, unknown>[] = [];
  const url = await new Promise<string>((listening, failed) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      lines.push(line);
      if (line["msg"] === "listening") listening(String(line["url"]));
    });
    void exit.then((code) => failed(new Error(`The ${app} ended with code ${code}: ${JSON.stringify(lines)}`)));
  });
  return {
    ...{ url, lines },
    stop(): Promise<number | null> {
      child.kill("SIGTERM");
      return exit;
    },
  };
}

async function addPictures(url: string): Promise<void> {
  db = await openDatabase({ home });
  await using inference = createInferenceClient({ url });
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  const [model] = await inference.models();
  if (!model) throw new Error("The server has no model.");
  const { id: corpusId } = await ensureCorpus(db, { name: "pictures" });
  const { id: spaceId } = await ensureSpace(db, spaceOf(model));
  for (const name of PICTURES) {
    const sha256 = await blobs.put(readFileSync(join(REPOSITORY, "assets/demo/images", name)));
    const { imageId } = await registerImage(db, { corpusId, sha256, origin: name, attributes: {} });
    const [outcome] = await inference.embedImages([{ sha256 }]);
    if (!outcome?.ok) throw outcome?.error;
    await saveEmbeddings(db, { spaceId, rows: [{ imageId, corpusId, embedding: outcome.value }] });
  }
  await activateSpace(db, corpusId, spaceId);
}

async function search(url: string, traceparent: string) {
  const query = `query Fruit { search(input: { corpus: "pictures", all: [{ text: "a red fruit" }] }) {
    report { degraded { code message } } edges { rank } } }`;
  const headers = { "content-type": "application/json", traceparent };
  const reply = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  const body = (await reply.json()) as { data: { search: { report: { degraded: unknown[] }; edges: unknown[] } } };
  expect(body).toMatchObject({ data: { search: { report: { degraded: [] } } } });
  expect(body.data.search.edges).toHaveLength(PICTURES.length);
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

test("shows one search from the request to the worker thread of the inference server as one trace, also in both logs", {
  timeout: 180_000,
}, async () => {
  // That nothing is loaded without a collector is in main.test.ts of each app; this is its counterpart.
  const modules = recordModules();
  const traced = { ...modules.environment, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const inference = await start("inference", traced);
  await addPictures(inference.url);
  const gateway = await start("gateway", traced);
  await search(gateway.url, TRACEPARENT);
  expect([await gateway.stop(), await inference.stop()]).toEqual([0, 0]);
  expect(modules.packages()).toEqual(expect.arrayContaining(["api", "otlp-transformer", "sdk-trace"]));

  const spans = collector.ofTrace(TRACE);
  const pathOf = ({ service, name, parentSpanId }: ReceivedSpan): string => {
    const parent = spans.find(({ spanId }) => spanId === parentSpanId);
    return `${parent ? pathOf(parent) : parentSpanId} > ${service.replace("medley-", "")}:${name}`;
  };
  const paths = new Set(spans.map(pathOf));
  const root = "b7ad6b7169203331 > gateway:query > gateway:Query.search";
  const call = (task: string) => `gateway:POST /v2/models/${task}/infer > inference:POST /v2/models/${task}/infer`;
  for (const path of [
    `${root} > gateway:GET /v2/models > inference:GET /v2/models`,
    `${root} > gateway:encode query > ${call("embed-text")} > inference:queue`,
    `${root} > gateway:encode query > ${call("embed-text")} > inference:batch embedTexts > inference:worker`,
    `${root} > gateway:re-rank > ${call("match-image")} > inference:queue`,
    `${root} > gateway:re-rank > ${call("match-image")} > inference:batch matchImages > inference:worker`,
  ]) {
    expect(paths, path).toContain(path);
  }
  const answered = spans.filter(({ service, kind }) => service === "medley-inference" && kind === "server");
  expect(answered.map(({ attributes }) => attributes["medley.items"])).toEqual(expect.arrayContaining([1, 3]));
  expect(JSON.stringify(spans)).not.toMatch(/red fruit|red-apple|pictures/);
  // Besides the search this test's own calls were traced: no probe, no polling, no list of models that no trace asked for.
  const others = collector.spans.filter(({ traceId, parentSpanId }) => traceId !== TRACE && parentSpanId === "");
  expect(others.map(({ name }) => name)).toEqual(PICTURES.map(() => "POST /v2/models/embed-image/infer"));
  const told = [...gateway.lines, ...inference.lines].filter(({ trace_id: id }) => id === TRACE).map(({ msg }) => msg);
  expect(told.sort()).toEqual(["graphql", "infer", "infer"]);
});

test("answers, says so and ends in good order while the collector is away", async () => {
  const gone = await openCollector();
  await gone[Symbol.asyncDispose]();
  const gateway = await start("gateway", { OTEL_EXPORTER_OTLP_ENDPOINT: gone.url, INFERENCE_URL: gone.url });
  for (let count = 0; count < 20; count += 1) {
    const body = JSON.stringify({ query: "{ corpora { name } }" });
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body });
    expect(await reply.json()).toMatchObject({ data: { corpora: [{ name: "pictures" }] } });
  }
  expect(await gateway.stop()).toBe(0);
  const said = gateway.lines.filter(({ msg }) => String(msg).includes("Traces"));
  const msg = expect.stringContaining(`Traces do not reach ${gone.url}/v1/traces: ECONNREFUSED`);
  expect(said[0]).toMatchObject({ level: 40, msg });
});
