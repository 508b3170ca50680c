import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { findRunningServer, readSettings, type Settings, SettingsError } from "@medley/config";
import { createPictureFetcher, defaultFetchPolicy } from "@medley/fetch";
import { createInferenceClient } from "@medley/inference-api";
import { type Database, listCorpora, openDatabase } from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { openPartFiles, type PartFiles } from "@medley/storage/part-files";
import { allOrAbort } from "./all-or-abort.ts";
import type { IngestContext } from "./ingest-context.ts";
import { createProgressView, type ProgressView } from "./progress-view.ts";
import type { Registration } from "./register-pictures.ts";
import { describeSummary, failedImageRecord, registrationRecord } from "./report.ts";
import { defaultRetry } from "./retry.ts";
import { type IngestRequest, runIngest } from "./run-ingest.ts";
import { openSource } from "./scan/scan-source.ts";
import { registerUploads } from "./uploads/register-uploads.ts";
import { watchUploads } from "./uploads/watch-uploads.ts";

const USAGE = `Usage:
  main.ts add PATH|MANIFEST --corpus NAME [--no-captions] [--retry-failed] [--json]
  main.ts work [--corpus NAME] [--watch] [--no-captions] [--retry-failed] [--json]`;

/** Between two looks for open steps. */
const WATCH_INTERVAL_MS = 5_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let command: Command;
  let settings: Settings;
  try {
    command = parseCommand(args);
    settings = readSettings(process.env);
  } catch (error) {
    console.error(error instanceof SettingsError ? error.message : `${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  // Whoever read the report has gone (| head): there is nobody left to report to.
  process.stdout.on("error", () => process.exit(1));
  const stop = new AbortController();
  for (const event of ["SIGINT", "SIGTERM"] as const) process.on(event, () => stop.abort());
  try {
    return await run(command, settings, stop.signal);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

interface Command {
  readonly name: "add" | "work";
  readonly path: string;
  readonly corpus?: string;
  readonly captions: boolean;
  readonly retryFailed: boolean;
  readonly watch: boolean;
  readonly json: boolean;
}

/** Throws an error with one sentence for wrong usage. */
function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      corpus: { type: "string" },
      captions: { type: "boolean", default: true },
      "retry-failed": { type: "boolean", default: false },
      watch: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [name, path = "", ...rest] = positionals;
  if (name !== "add" && name !== "work") throw new Error(`Command "${name ?? ""}" is unknown, expected add or work.`);
  if (name === "add" && (path === "" || rest.length > 0)) throw new Error("add takes one folder or manifest.");
  if (name === "work" && path !== "") throw new Error(`work takes no path, but got "${path}".`);
  if (name === "add" && !values.corpus) throw new Error("add needs --corpus NAME.");
  return {
    name,
    path,
    ...(values.corpus !== undefined && { corpus: values.corpus }),
    captions: values.captions,
    retryFailed: values["retry-failed"],
    watch: values.watch,
    json: values.json,
  };
}

async function run(command: Command, settings: Settings, signal: AbortSignal): Promise<number> {
  // First of all: a wrong path must not cost the start of a database.
  const { maxBytes } = settings;
  await using fetcher = createPictureFetcher({ ...defaultFetchPolicy, maxBytes, allowedRanges: settings.fetchAllow });
  const findings = command.name === "add" ? await openSource(command.path, { maxBytes, fetcher, signal }) : undefined;
  const url = settings.inferenceUrl ?? findRunningServer(settings.runDirectory, "inference")?.url;
  if (url === undefined) {
    console.error("No inference server is running. Use `medley ingest`, which starts one, or set INFERENCE_URL.");
    return 1;
  }
  await using db = await openDatabase({
    home: settings.home,
    maxConnections: settings.databaseMaxConnections,
    ...(settings.databaseUrl !== undefined && { databaseUrl: settings.databaseUrl }),
  });
  await using inference = createInferenceClient({ url, deadlineMs: settings.inferenceDeadlineMs });
  const context: IngestContext = {
    db,
    inference,
    blobs: openBlobStore({ directory: settings.blobDirectory }),
    thumbnails: openVariantStore({ directory: settings.thumbnailDirectory }),
    maxBytes,
    maxPixels: settings.maxPixels,
    owner: `ingest-${process.pid}-${randomUUID()}`,
    signal,
    retry: { ...defaultRetry, signal },
  };
  const { captions, retryFailed } = command;
  if (findings) {
    const request = { corpus: command.corpus ?? "", findings, captions, retryFailed };
    // Awaited here, or the database would be closed under the run.
    return await runOne(context, request, { json: command.json, path: command.path });
  }
  const parts = openPartFiles({ directory: settings.uploadDirectory });
  return await (command.watch ? watch(context, command, parts) : workOnce(context, command));
}

async function workOnce(context: IngestContext, command: Command): Promise<number> {
  await registerUploads(context, command, { onRegistration: reportUpload(command) });
  return await workOnCorpora(context, command, new Set());
}

/** Uploads beside the open steps, until it is told to stop. */
async function watch(outer: IngestContext, command: Command, parts: PartFiles): Promise<number> {
  const said = new Set<string>();
  const failure = new AbortController();
  const signal = AbortSignal.any([outer.signal, failure.signal]);
  const context = { ...outer, signal, retry: { ...outer.retry, signal } };
  let code = 0;
  const steps = workOnCorpora(context, command, said).then((ended) => {
    code = ended;
  });
  // Leases are given back by their owner's name, and the two end at different times.
  const owner = `${context.owner}-uploads`;
  const uploads = watchUploads(
    { ...context, owner },
    {
      corpus: command.corpus,
      parts,
      onRegistration: reportUpload(command),
      async embed(corpus) {
        const request = { corpus, captions: false, retryFailed: false };
        const options = { json: command.json, quietWhenIdle: true, said };
        await runOne({ ...context, owner: `${owner}-${corpus}` }, request, options);
      },
    },
  );
  await allOrAbort(failure, [steps, uploads]);
  return code;
}

function reportUpload({ json }: Command) {
  return (corpus: string, registration: Registration): void => {
    if (json) process.stdout.write(`${JSON.stringify({ corpus, ...registrationRecord(registration) })}\n`);
    else if (registration.kind === "rejected") {
      const { path, message, code } = registration;
      console.error(`${corpus}: upload of ${path}: ${message} (${code})`);
    }
  };
}

/** Does the open steps of the named corpus or of all; with --watch again and again until it is told to stop. */
async function workOnCorpora(context: IngestContext, command: Command, said: Set<string>): Promise<number> {
  for (;;) {
    for (const corpus of command.corpus ? [command.corpus] : await corpusNames(context.db)) {
      const request = { corpus, captions: command.captions, retryFailed: command.retryFailed };
      const code = await runOne(context, request, { json: command.json, quietWhenIdle: command.watch, said });
      if (code !== 0 || context.signal.aborted) return code;
    }
    if (!command.watch) return 0;
    await context.retry.sleep(WATCH_INTERVAL_MS, context.signal);
    if (context.signal.aborted) return 0;
  }
}

async function corpusNames(db: Database): Promise<string[]> {
  return (await listCorpora(db)).map(({ name }) => name);
}

async function runOne(
  context: IngestContext,
  request: IngestRequest,
  {
    json,
    path,
    quietWhenIdle = false,
    said = new Set(),
  }: {
    json: boolean;
    path?: string;
    quietWhenIdle?: boolean;
    /** Notes that this process has shown already: a worker that looks every few seconds would fill its log with them. */
    said?: Set<string>;
  },
): Promise<number> {
  const started = performance.now();
  const view = createProgressView({ corpus: request.corpus, stream: process.stderr, now: () => performance.now() });
  const report = (record: object, text: string) => writeReport(view, json, record, text);
  try {
    const progress = await runIngest(context, request, {
      onRegistration: (registration) => {
        const record = registrationRecord(registration);
        if (registration.kind === "rejected") {
          report(record, `${registration.path}: ${registration.message} (${registration.code})`);
        } else if (json) report(record, "");
      },
      onFailedImage: (failed) =>
        report(failedImageRecord(failed), `${failed.path}: ${failed.step} failed: ${failed.message} (${failed.code})`),
      onProgress: view.show,
      onNote: (note) => {
        const sentence = `${request.corpus}: ${note}`;
        if (!said.has(sentence)) view.note(sentence);
        said.add(sentence);
      },
    });
    view.stop();
    if (quietWhenIdle && progress.idle) return 0;
    console.error(describeSummary(request.corpus, progress, (performance.now() - started) / 1000));
    if (progress.cancelled && path !== undefined) return 1;
    if (context.signal.aborted) {
      console.error("Stopped before the end. Run the same command again to go on.");
      return 1;
    }
    if (path === undefined || progress.added + progress.known > 0) return 0;
    console.error(`Nothing could be read from "${path}": ${progress.rejected} rejected, for the reasons above.`);
    return 1;
  } finally {
    view.stop();
  }
}

/** JSON on standard output, one object a line; sentences for people on standard error, above the bar. */
function writeReport(view: ProgressView, json: boolean, record: object, text: string): void {
  if (json) process.stdout.write(`${JSON.stringify(record)}\n`);
  else view.note(text);
}
