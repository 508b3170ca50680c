import { spawn } from "node:child_process";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { findRunningServer, removeRunFile, type Settings, writeRunFile } from "@medley/config";
import { createInferenceClient, type Inference } from "@medley/inference-api";
import {
  activeSpace,
  countImages,
  countRejectedFiles,
  type Database,
  findCorpus,
  openDatabase,
  stepCounts,
} from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { startServer } from "../processes/child.ts";
import { reservePort } from "../processes/free-port.ts";
import { type Supervised, supervise } from "../processes/supervisor.ts";
import { startInference } from "../processes/with-inference.ts";
import { addPictures } from "./ingest.ts";
import { describeHit, findHits } from "./search.ts";

export interface StartOptions {
  /** Brings the demo corpus in and asks it one question. */
  readonly demo: boolean;
  readonly json: boolean;
}

const DEMO_CORPUS = "demo";
const DEMO_QUERY = "a red apple";
const RUN_FILE = "medley";

/**
 * Runs the whole installation until it is told to stop: inference server, gateway with the web page, ingest worker. A process
 * that dies is started again; one that dies again and again ends everything with its last words.
 */
export async function runStart(settings: Settings, options: StartOptions): Promise<void> {
  await checkPreconditions(settings);
  const servers: Supervised[] = [];
  const stop = stopRequest(servers);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    for (const server of servers.toReversed()) await server.stop();
  });
  const port = await reservePort(settings.host, settings.port, "MEDLEY_PORT");
  const inferenceUrl = await startModels(settings, servers);
  const env = { MEDLEY_HOME: settings.home, INFERENCE_URL: inferenceUrl };
  const gateway = startGateway(settings, servers, { ...env, MEDLEY_PORT: String(port) });
  const opening = openDatabase(databaseOptions(settings));
  cleanup.defer(async () => {
    await opening.then((db) => db[Symbol.asyncDispose]()).catch(() => {});
  });
  const listening = Promise.all(servers.map((server) => server.listening));
  const serve = async () => {
    // All at once: each of them takes seconds, and none needs another to be ready.
    const [db, url] = await Promise.all([opening, gateway.listening, buildWebPage(settings), listening]);
    writeRunFile(settings.runDirectory, RUN_FILE, { url, pid: process.pid });
    cleanup.defer(() => removeRunFile(settings.runDirectory, RUN_FILE, process.pid));
    await showDemo(settings, { db, inferenceUrl, url, options, signal: stop.signal });
    return await keepWorking(settings, env, stop.signal);
  };
  const running = serve();
  // When it is told to stop, what is half done may fail; that is no news any more.
  running.catch(() => {});
  // Also when a server is lost: what works without it would keep this process alive, and nobody would start it again.
  cleanup.defer(stop.request);
  await Promise.race([stop.requested, running, ...servers.map(({ lost }) => lost)]);
  note("Stopping.");
}

interface DemoRun {
  readonly db: Database;
  readonly inferenceUrl: string;
  readonly url: string;
  readonly options: StartOptions;
  readonly signal: AbortSignal;
}

/** Says where everything is, with one real answer between the two. */
async function showDemo(settings: Settings, { db, inferenceUrl, url, options, signal }: DemoRun): Promise<void> {
  const announce = createAnnouncer(options.json);
  await announce.listening(url);
  const inference = createInferenceClient({ url: inferenceUrl, deadlineMs: settings.inferenceDeadlineMs });
  if (options.demo) await ensureDemo(settings, { db, inference, inferenceUrl }, signal);
  if (signal.aborted) return;
  if (options.demo && (await findCorpus(db, DEMO_CORPUS))) {
    await announce.answer(await findHits({ db, inference }, DEMO_QUERY, { corpus: DEMO_CORPUS, first: 3 }));
  }
  await announce.ready(url);
}

async function checkPreconditions(settings: Settings): Promise<void> {
  const running = findRunningServer(settings.runDirectory, RUN_FILE);
  if (running) {
    const message = `Medley is already running at ${running.url} (process ${running.pid}) for ${settings.home}.`;
    throw new CliError("ALREADY_RUNNING", `${message} Stop it first, or set MEDLEY_HOME.`);
  }
  if (existsSync(settings.modelsFile) || settings.inferenceUrl !== undefined) return;
  const message = `There is no model set at "${settings.modelsFile}". Set MEDLEY_MODELS to a medley.models.json or a checkpoint.`;
  throw new CliError("MODEL_NOT_FOUND", message);
}

interface StopRequest {
  readonly signal: AbortSignal;
  readonly requested: Promise<void>;
  /** As the first signal does. */
  readonly request: () => void;
}

/** The first request stops in good order, the second kills what is left. */
function stopRequest(servers: readonly Supervised[]): StopRequest {
  const stop = new AbortController();
  const requested = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
  for (const event of ["SIGINT", "SIGTERM"] as const) {
    process.on(event, () => {
      if (stop.signal.aborted) {
        for (const server of servers) server.kill();
        process.exit(130);
      }
      stop.abort();
    });
  }
  return { signal: stop.signal, requested, request: () => stop.abort() };
}

/** Starts the inference server unless another one is configured. Resolves with its URL before it listens. */
async function startModels(settings: Settings, servers: Supervised[]): Promise<string> {
  if (settings.inferenceUrl !== undefined) return settings.inferenceUrl;
  const host = settings.inferenceHost;
  const port = await reservePort(host, settings.inferencePort, "INFERENCE_PORT");
  servers.push(supervise({ name: "The inference server", start: () => startInference(settings, port), onNote: note }));
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function startGateway(settings: Settings, servers: Supervised[], env: Readonly<Record<string, string>>): Supervised {
  const name = "The gateway";
  const main = join(settings.repository, "apps/gateway/src/main.ts");
  const logFile = join(settings.home, "logs/gateway.log");
  const gateway = supervise({ name, start: () => startServer({ name, main, env, logFile }), onNote: note });
  servers.push(gateway);
  return gateway;
}

/** Done when there is none or its sources are newer; a page that cannot be built is no reason not to serve GraphQL. */
async function buildWebPage({ repository }: Settings): Promise<void> {
  const web = join(repository, "apps/web");
  const vite = join(repository, "node_modules/vite/bin/vite.js");
  if (!existsSync(vite) || isBuilt(web)) return;
  const child = spawn(process.execPath, [vite, "build", "--logLevel", "error"], { cwd: web, stdio: ["ignore", 2, 2] });
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  if (code !== 0)
    note(
      "The web page could not be built; GraphQL and GraphiQL are served without it. See npm run build -w @medley/web.",
    );
}

function isBuilt(web: string): boolean {
  const page = statSync(join(web, "dist/site/index.html"), { throwIfNoEntry: false });
  if (page === undefined) return false;
  const sources = [
    "index.html",
    "vite.config.ts",
    ...readdirSync(join(web, "src"), { recursive: true, encoding: "utf8" }).map((name) => join("src", name)),
  ];
  return sources.every((name) => (statSync(join(web, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= page.mtimeMs);
}

interface DemoDependencies {
  readonly db: Database;
  readonly inference: Inference;
  readonly inferenceUrl: string;
}

/** Brings the demo pictures in unless counts say that all of them are there and embedded by the model that is served. */
async function ensureDemo(settings: Settings, dependencies: DemoDependencies, signal: AbortSignal): Promise<void> {
  const manifest = join(settings.repository, "assets/demo/manifest.jsonl");
  if (!existsSync(manifest) || (await isDemoComplete(dependencies, manifest))) return;
  note(`Bringing in the demo pictures (first start only). GraphQL is served meanwhile.`);
  // Captions and the calibration follow in the background: the first answer does not need them.
  const options = { corpus: DEMO_CORPUS, captions: false, calibration: false, retryFailed: false, json: false };
  const code = await addPictures(settings, dependencies.inferenceUrl, manifest, options, signal);
  if (code !== 0) note("The demo pictures are not complete; the next start goes on with them.");
}

async function isDemoComplete({ db, inference }: DemoDependencies, manifest: string): Promise<boolean> {
  const corpus = await findCorpus(db, DEMO_CORPUS);
  const space = corpus && (await activeSpace(db, corpus.id));
  if (!corpus || !space) return false;
  const retrieval = (await inference.models()).find(({ role }) => role === "retrieval");
  const [images, rejected, counts, rows] = await Promise.all([
    countImages(db, corpus.id),
    countRejectedFiles(db, corpus.id),
    stepCounts(db, corpus.id, space.id),
    countLines(manifest),
  ]);
  const ended = counts.embed.done + counts.embed.failed + counts.embed.excluded;
  return space.fingerprint === retrieval?.fingerprint && images + rejected >= rows && ended === images;
}

async function countLines(file: string): Promise<number> {
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) lines += line.trim() === "" ? 0 : 1;
  return lines;
}

/** Does open steps of every corpus, captions and uploads, until the whole is stopped; its death stops nothing else. */
async function keepWorking(
  settings: Settings,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<never> {
  const name = "The ingest worker";
  const main = join(settings.repository, "apps/ingest/src/main.ts");
  const logFile = join(settings.home, "logs/ingest.log");
  for (let waitMs = 1_000; ; waitMs = Math.min(waitMs * 2, 60_000)) {
    if (signal.aborted) return await new Promise<never>(() => {});
    const worker = startServer({ name, main, args: ["work", "--watch"], env, logFile });
    const stop = () => void worker.stop();
    signal.addEventListener("abort", stop, { once: true });
    const lastWords = await worker.ended;
    signal.removeEventListener("abort", stop);
    if (signal.aborted) return await new Promise<never>(() => {});
    note(`${lastWords}\nStarting it again in ${waitMs / 1000} s.`);
    await wait(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** What `medley start` says on standard output: sentences, or with --json one event a line. */
function createAnnouncer(json: boolean) {
  const graphql = (url: string) => `${url}/graphql`;
  return {
    listening: (url: string) =>
      json ? writeRecord({ event: "listening", url, graphql: graphql(url) }) : writeLine(`Medley listens at ${url}`),
    answer: async ({ hits, notes }: Awaited<ReturnType<typeof findHits>>) => {
      for (const sentence of notes) note(sentence);
      if (json) return writeRecord({ event: "answer", corpus: DEMO_CORPUS, text: DEMO_QUERY, hits });
      await writeLine(`\nsearch(input: { corpus: "${DEMO_CORPUS}", all: [{ text: "${DEMO_QUERY}" }] })`);
      for (const hit of hits) await writeLine(describeHit(hit));
    },
    ready: (url: string) =>
      json
        ? writeRecord({ event: "ready", url, graphql: graphql(url), graphiql: `${url}/graphiql` })
        : writeLine(`\nWeb page  ${url}/\nGraphQL   ${url}/graphql\nGraphiQL  ${url}/graphiql\nStop with Ctrl-C.`),
  };
}
