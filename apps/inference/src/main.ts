import { removeRunFile, readSettingsOrExit, writeRunFile } from "@medley/config";
import { createLocalInference, openModelSet } from "@medley/inference";
import { createInferenceHandler } from "@medley/inference-api";
import { traceFields } from "@medley/tracing";
import { startTracing } from "@medley/tracing/start";
import { pino } from "pino";
import { serve } from "./serve.ts";
import type { ResourceSettings } from "./worker-resources.ts";
import { yieldProcessor } from "./yield-processor.ts";

/** A batch of 64 pictures of 2 MB as base64 and its JSON: the largest request that makes sense by bytes. */
const MAX_BODY_BYTES = 200_000_000;
const RUN_FILE = "inference";

yieldProcessor();

const settings = readSettingsOrExit();
const log = pino({ name: "inference", level: settings.logLevel, mixin: traceFields });

try {
  await run();
} catch (error) {
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const started = performance.now();
  const stop = stopRequest();
  const warn = (sentence: string) => log.warn(sentence);
  await using _tracing = await startTracing(settings.tracing, { service: "inference", warn });
  const modelSet = await openModelSet(settings.modelsFile);
  const { blobDirectory, tokenDirectory, thumbnailDirectory, maxPixels, s3 } = settings;
  const resources: ResourceSettings = {
    ...{ blobDirectory, tokenDirectory, thumbnailDirectory, maxPixels },
    ...(s3 && { s3 }),
  };
  await using inference = await createLocalInference({
    modelSet,
    resources: { url: new URL("./worker-resources.ts", import.meta.url).href, settings: resources },
    graphDirectory: settings.graphDirectory,
    executionProviders: settings.executionProviders,
    maxQueuedItems: settings.inferenceMaxQueuedItems,
    defaultDeadlineMs: settings.inferenceDeadlineMs,
    ...(settings.inferenceWorkers !== undefined && { workers: settings.inferenceWorkers }),
    ...(settings.inferenceThreads !== undefined && { threadsPerWorker: settings.inferenceThreads }),
  });
  const handle = createInferenceHandler(inference, {
    isReady: () => !stop.signal.aborted,
    onInfer: (request) => log.info(request, "infer"),
  });
  const { inferenceHost: host, inferencePort: port } = settings;
  await using server = await serve({ handle, host, port, maxBodyBytes: MAX_BODY_BYTES });
  writeRunFile(settings.runDirectory, RUN_FILE, { url: server.url, pid: process.pid });
  log.info({ url: server.url, pid: process.pid, startMs: Math.round(performance.now() - started) }, "listening");
  await stop.requested;
  removeRunFile(settings.runDirectory, RUN_FILE, process.pid);
  log.info("stopping");
}

/** Resolves on SIGTERM or SIGINT. */
function stopRequest(): { signal: AbortSignal; requested: Promise<void> } {
  const stop = new AbortController();
  const requested = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
  for (const event of ["SIGTERM", "SIGINT"] as const) process.once(event, () => stop.abort());
  return { signal: stop.signal, requested };
}
