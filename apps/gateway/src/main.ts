import { join } from "node:path";
import { readSettings } from "@medley/config";
import { createInferenceClient } from "@medley/inference-api";
import { openDatabase } from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { pino } from "pino";
import { createGateway } from "./server.ts";

const settings = readSettings(process.env);
const log = pino({ name: "gateway", level: settings.logLevel });

if (settings.inferenceUrl === undefined) {
  log.fatal("INFERENCE_URL is not set. Start an inference server and set it, or run `medley start`, which does both.");
  process.exit(2);
}

const stack = new AsyncDisposableStack();
const inference = stack.use(
  createInferenceClient({ url: settings.inferenceUrl, deadlineMs: settings.inferenceDeadlineMs }),
);
const db = stack.use(
  await openDatabase({
    home: settings.home,
    maxConnections: settings.databaseMaxConnections,
    ...(settings.databaseUrl !== undefined && { databaseUrl: settings.databaseUrl }),
  }),
);
const gateway = stack.use(
  await createGateway(
    {
      db,
      inference,
      blobs: openBlobStore({ directory: settings.blobDirectory }),
      thumbnails: openVariantStore({ directory: settings.thumbnailDirectory }),
      siteDirectory: join(settings.repository, "apps/web/dist/site"),
      searchDeadlineMs: settings.searchDeadlineMs,
      inferenceDeadlineMs: settings.inferenceDeadlineMs,
      log,
    },
    { host: settings.host, port: settings.port },
  ),
);
log.info({ url: gateway.url, graphql: `${gateway.url}/graphql`, database: db.kind }, "listening");

let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // A second signal ends the process at once: whoever sends it does not want to wait for requests in flight.
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "stopping");
    stack.disposeAsync().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  });
}
