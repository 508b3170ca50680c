import { join } from "node:path";
import { findRunningServer, readSettingsOrExit, removeRunFile, writeRunFile } from "@medley/config";
import { createPictureFetcher, defaultFetchPolicy } from "@medley/fetch";
import { createInferenceClient } from "@medley/inference-api";
import { openScan } from "@medley/scan";
import { createHotTier } from "@medley/search";
import { type Database, openDatabase } from "@medley/storage";
import { openPictureStores } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";
import { openPartFiles } from "@medley/storage/part-files";
import { traceFields } from "@medley/tracing";
import { startTracing } from "@medley/tracing/start";
import { pino } from "pino";
import { createGateway } from "./server.ts";
import { loadUploadKey } from "./uploads/upload-token.ts";

const RUN_FILE = "gateway";
/** Somebody waits for a search: one try, in less time than an import takes. The picture goes on to the models as JSON. */
const QUERY_PICTURES = { maxTries: 1, totalTimeoutMs: 15_000, answerTimeoutMs: 5_000, maxBytes: 16_777_216 } as const;

const settings = readSettingsOrExit();
const log = pino({ name: "gateway", level: settings.logLevel, mixin: traceFields });

try {
  await run();
} catch (error) {
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const stop = stopRequest();
  const warn = (sentence: string) => log.warn(sentence);
  await using _tracing = await startTracing(settings.tracing, { service: "gateway", warn });
  await using inference = createInferenceClient({ url: inferenceUrl(), deadlineMs: settings.inferenceDeadlineMs });
  await using db = await openDatabase({
    home: settings.home,
    databaseUrl: settings.databaseUrl,
    maxConnections: settings.databaseMaxConnections,
    log: (line) => log.info(line),
  });
  await using hotTier = openHotTier(db);
  await using fetcher = createPictureFetcher({
    ...defaultFetchPolicy,
    ...QUERY_PICTURES,
    maxBytes: Math.min(QUERY_PICTURES.maxBytes, settings.maxBytes),
    allowedRanges: settings.fetchAllow,
  });
  await using gateway = await createGateway(
    {
      db,
      inference,
      hotTier,
      ...(settings.searchUrls && { fetchPicture: async (url, options) => (await fetcher.fetch(url, options)).bytes }),
      ...openPictureStores(settings),
      tokens: openTokenStore({ directory: settings.tokenDirectory }),
      parts: openPartFiles({ directory: settings.uploadDirectory }),
      modelDirectory: settings.modelDirectory,
      uploadKey: settings.uploadKey ?? (await loadUploadKey(settings.home)),
      maxUploadBytes: settings.maxBytes,
      siteDirectory: join(settings.repository, "apps/web/dist/site"),
      searchDeadlineMs: settings.searchDeadlineMs,
      inferenceDeadlineMs: settings.inferenceDeadlineMs,
      protection: settings,
      log,
    },
    { host: settings.host, port: settings.port },
  );
  writeRunFile(settings.runDirectory, RUN_FILE, { url: gateway.url, pid: process.pid });
  log.info({ url: gateway.url, pid: process.pid, database: db.kind }, "listening");
  await hotTier?.prepare();
  await stop;
  removeRunFile(settings.runDirectory, RUN_FILE, process.pid);
  log.info("stopping");
}

function openHotTier(db: Database) {
  if (settings.hotTierFrom === 0) return undefined;
  return createHotTier({
    db,
    openScan: (rows) => openScan({ ...rows, directory: settings.scanDirectory }),
    fromVectors: settings.hotTierFrom,
    log: (fields, message) => log.info(fields, message),
  });
}

/** INFERENCE_URL, or the inference server of this installation that runs on this machine. */
function inferenceUrl(): string {
  const url = settings.inferenceUrl ?? findRunningServer(settings.runDirectory, "inference")?.url;
  if (url !== undefined) return url;
  const hint = "Start one and set INFERENCE_URL, or run `npm start`, which starts everything.";
  throw new Error(`No inference server runs in "${settings.home}" and INFERENCE_URL is not set. ${hint}`);
}

/** Resolves on SIGTERM or SIGINT; a second signal ends the process at once, without waiting for requests in flight. */
function stopRequest(): Promise<void> {
  const stop = Promise.withResolvers<void>();
  let signals = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      stop.resolve();
    });
  }
  return stop.promise;
}
