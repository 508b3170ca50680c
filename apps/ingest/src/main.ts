import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { findRunningServer, readSettings, type Settings, SettingsError } from "@medley/config";
import { createPictureFetcher, defaultFetchPolicy } from "@medley/fetch";
import { createInferenceClient } from "@medley/inference-api";
import { METADATA_KINDS, type MetadataKind } from "@medley/media";
import {
  type AttributeSchema,
  type Corpus,
  type Database,
  findCorpus,
  findOperation,
  listCorpora,
  openDatabase,
  openReindexOf,
} from "@medley/storage";
import { openPartFiles, type PartFiles } from "@medley/storage/part-files";
import { openPictureStores } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";
import { startTracing } from "@medley/tracing/start";
import { readAttributeFile } from "./declare-for-run.ts";
import type { IngestContext } from "./ingest-context.ts";
import { corpusDeleted } from "./ingest-error.ts";
import { isDeleted } from "./is-deleted.ts";
import { createProgressView, type ProgressView } from "./progress-view.ts";
import { answerAfter } from "./questions/report-questions.ts";
import type { Registration } from "./register-pictures.ts";
import { describeSummary, failedImageRecord, registrationRecord, sayOnce } from "./report.ts";
import { defaultRetry, retryTransient } from "./retry.ts";
import { type IngestOutcome, type IngestRequest, runIngest } from "./run-ingest.ts";
import { openSource } from "./scan/scan-source.ts";
import { requireFolder, watchFolder } from "./scan/watch-folder.ts";
import { runReindex } from "./spaces/run-reindex.ts";
import { registerUploads } from "./uploads/register-uploads.ts";
import { doUpkeep } from "./upkeep/do-upkeep.ts";
import { type WatchOptions, watchCorpora } from "./watch-corpora.ts";

const USAGE = `Usage:
  main.ts add PATH|MANIFEST --corpus NAME [--watch] [--priority N] [--no-captions] [--no-calibration] [--retry-failed] [--json]
    [--attributes FILE] [--read-metadata date,camera,position]
  main.ts work [--corpus NAME] [--watch] [--no-captions] [--retry-failed] [--json]
  main.ts reindex --corpus NAME [--json]
  main.ts upkeep --corpus NAME --operation ID [--json]`;

/** Between two looks whether another worker has ended a reindex. */
const REINDEX_POLL_MS = 5_000;

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
  readonly name: "add" | "work" | "reindex" | "upkeep";
  readonly path: string;
  readonly corpus?: string;
  readonly captions: boolean;
  readonly calibration: boolean;
  readonly retryFailed: boolean;
  readonly watch: boolean;
  /** File with what the corpus declares about attributes. */
  readonly attributes?: string;
  /** What is read from the EXIF and XMP of what is added; nothing unless it is asked for. */
  readonly readMetadata?: readonly MetadataKind[];
  /** Of the steps of what is added, from -100 to 100. */
  readonly priority?: number;
  /** Of the upkeep that is to be done. */
  readonly operation?: string;
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
      calibration: { type: "boolean", default: true },
      "retry-failed": { type: "boolean", default: false },
      watch: { type: "boolean", default: false },
      priority: { type: "string" },
      operation: { type: "string" },
      attributes: { type: "string" },
      "read-metadata": { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const [name, path = "", ...rest] = positionals;
  if (name !== "add" && name !== "work" && name !== "reindex" && name !== "upkeep") {
    throw new Error(`Command "${name ?? ""}" is unknown, expected add, work, reindex or upkeep.`);
  }
  if (name === "upkeep" && !values.operation) throw new Error("upkeep needs --operation ID.");
  if (name === "add" && (path === "" || rest.length > 0)) throw new Error("add takes one folder or manifest.");
  if (name !== "add" && path !== "") throw new Error(`${name} takes no path, but got "${path}".`);
  if (name !== "work" && !values.corpus) throw new Error(`${name} needs --corpus NAME.`);
  const priority = values.priority === undefined ? undefined : Number(values.priority);
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) <= 100)) {
    throw new Error(`--priority is "${values.priority}", expected a whole number from -100 to 100.`);
  }
  return {
    name,
    path,
    ...(values.corpus !== undefined && { corpus: values.corpus }),
    captions: values.captions,
    calibration: values.calibration,
    retryFailed: values["retry-failed"],
    watch: values.watch,
    ...(priority !== undefined && { priority }),
    ...(values.operation !== undefined && { operation: values.operation }),
    ...(values.attributes !== undefined && { attributes: values.attributes }),
    ...(values["read-metadata"] !== undefined && { readMetadata: metadataKindsOf(values["read-metadata"]) }),
    json: values.json,
  };
}

function metadataKindsOf(text: string): MetadataKind[] {
  return text.split(",").map((word) => {
    const kind = METADATA_KINDS.find((known) => known === word.trim());
    if (kind) return kind;
    throw new Error(`--read-metadata has "${word}", expected ${METADATA_KINDS.join(", ")}, with commas between them.`);
  });
}

async function run(command: Command, settings: Settings, signal: AbortSignal): Promise<number> {
  const warn = (sentence: string) => console.error(sentence);
  await using _tracing = await startTracing(settings.tracing, { service: "ingest", warn });
  // First of all: a wrong path must not cost the start of a database.
  const { maxBytes } = settings;
  const attributes = command.attributes === undefined ? undefined : await readAttributeFile(command.attributes);
  await using fetcher = createPictureFetcher({ ...defaultFetchPolicy, maxBytes, allowedRanges: settings.fetchAllow });
  const findings =
    command.name === "add" && !command.watch
      ? await openSource(command.path, { maxBytes, fetcher, signal })
      : undefined;
  if (command.name === "add" && command.watch) await requireFolder(command.path);
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
    ...openPictureStores(settings),
    tokens: openTokenStore({ directory: settings.tokenDirectory }),
    maxBytes,
    maxPixels: settings.maxPixels,
    owner: `ingest-${process.pid}-${randomUUID()}`,
    signal,
    retry: { ...defaultRetry, signal },
    calibrationAttempts: new Map(),
  };
  const { captions, calibration, retryFailed, priority, readMetadata } = command;
  if (findings) {
    const options = {
      ...{ captions, calibration, retryFailed },
      ...(priority !== undefined && { priority }),
      ...(attributes && { attributes }),
      ...(readMetadata && { readMetadata }),
    };
    const request = { corpus: command.corpus ?? "", findings, ...options };
    // Awaited here, or the database would be closed under the run.
    const code = await runOne(context, request, { json: command.json, path: command.path });
    return await answerAfter(context, request.corpus, command, code);
  }
  if (command.name === "reindex") return await reindexCorpus(context, command);
  if (command.name === "upkeep") return await doUpkeep(context, command);
  if (command.name === "add") return await watchPath(context, command, attributes);
  if (!command.watch) {
    await registerUploads(context, command, { onRegistration: reportUpload(command) });
    return await workOnCorpora(context, command);
  }
  return await watch(context, command, openPartFiles({ directory: settings.uploadDirectory }));
}

/** Brings in what the folder holds and then what appears in it, round by round, until it is told to stop; that is its good end. */
async function watchPath(context: IngestContext, command: Command, attributes?: AttributeSchema): Promise<number> {
  const { path, json, captions, retryFailed, corpus = "", priority, readMetadata } = command;
  const { signal } = context;
  const said = new Set<string>();
  // Work that an earlier process left is done though the folder may be empty.
  const first = { corpus, captions, retryFailed, ...(attributes && { attributes }) };
  const ended = await runOne(context, first, { json, quietWhenIdle: true, said, endless: true });
  await answerAfter(context, corpus, command, ended);
  const corpusId = (await retryTransient(() => findCorpus(context.db, corpus), context.retry))?.id;
  if (!signal.aborted) console.error(`Watching "${path}". Stop with Ctrl-C.`);
  const rounds = watchFolder(path, {
    signal,
    sleep: context.retry.sleep,
    onUnreadable: ({ message, code }) => console.error(`${message} It is looked for again and again. (${code})`),
  });
  for await (const { findings, found, removed } of rounds) {
    for (const gone of removed) {
      if (json) process.stdout.write(`${JSON.stringify({ path: gone, removed: true })}\n`);
      else console.error(`${gone}: is not in the folder any more. The corpus keeps its picture.`);
    }
    if (found === 0) continue;
    // A new corpus with what has changed alone would be none that anybody asked for.
    if (corpusId !== undefined && (await isDeleted(context.db, corpusId))) throw corpusDeleted(corpus);
    const options = { ...(priority !== undefined && { priority }), ...(readMetadata && { readMetadata }) };
    const request = { corpus, findings, captions, retryFailed: false, ...options };
    const code = await runOne(context, request, { json, said, endless: true });
    await answerAfter(context, corpus, { json, retryFailed: false }, code);
  }
  return 0;
}

/** Does the open reindex of the corpus, or waits until the worker that has it in hand is done with it. */
async function reindexCorpus(context: IngestContext, { corpus = "", json }: Command): Promise<number> {
  const { id: corpusId } = (await findCorpus(context.db, corpus)) ?? {};
  const open = corpusId === undefined ? null : await openReindexOf(context.db, corpusId);
  if (corpusId === undefined || open === null) {
    console.error(
      `Corpus "${corpus}" is not being reindexed. Begin with: medley reindex --model DIR --corpus ${corpus}`,
    );
    return 1;
  }
  const onNote = (note: string) => console.error(`${corpus}: ${note}`);
  const onProgress = (counts: object) => {
    if (json) process.stdout.write(`${JSON.stringify({ operationId: open.operationId, ...counts })}\n`);
  };
  while (!context.signal.aborted) {
    await runReindex(context, { corpusId }, { onNote, onProgress });
    const ended = await retryTransient(() => findOperation(context.db, open.operationId), context.retry);
    if (ended === null || ended.finishedAt !== null) return ended?.state === "SUCCEEDED" ? 0 : 1;
    await context.retry.sleep(REINDEX_POLL_MS, context.signal);
  }
  console.error("Stopped before the end. Run the same command again to go on.");
  return 1;
}

/** Does the open steps of the named corpus, or of all one after another. */
async function workOnCorpora(context: IngestContext, command: Command): Promise<number> {
  const corpora = await corporaOf(context.db, command);
  if (command.corpus !== undefined && corpora.length === 0) {
    console.error(
      `There is no corpus "${command.corpus}". Name a source to create it: medley ingest SOURCE --corpus NAME`,
    );
    return 1;
  }
  let worst = 0;
  const said = new Set<string>();
  for (const { name, pausedAt } of corpora) {
    if (pausedAt !== null) {
      console.error(describePause(name));
      worst = 1;
      continue;
    }
    const ended = await runOne(context, requestOf(command, name), { json: command.json, said });
    const code = await answerAfter(context, name, command, ended);
    worst = Math.max(worst, code);
    if (context.signal.aborted) break;
  }
  return worst;
}

/** Works until it is told to stop, which is its good end. */
async function watch(context: IngestContext, command: Command, parts: PartFiles): Promise<number> {
  const { corpus, json } = command;
  const work: WatchOptions["work"] = async (run, name, { calibrateBeside, said }) => {
    let didSome = false;
    const options = { json, quietWhenIdle: true, bar: false, said, onWork: () => (didSome = true) };
    await runOne(run, { ...requestOf(command, name), calibrateBeside }, options);
    return didSome;
  };
  await watchCorpora(context, { corpus, parts, json, work, onRegistration: reportUpload(command) });
  return 0;
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

async function corporaOf(db: Database, { corpus }: Command): Promise<Corpus[]> {
  return (await listCorpora(db)).filter(({ name }) => corpus === undefined || name === corpus);
}

function requestOf({ captions, retryFailed }: Command, corpus: string): IngestRequest {
  return { corpus, captions, retryFailed };
}

function describePause(corpus: string): string {
  return `Corpus "${corpus}" is paused: its open steps stay open. Go on with: medley steps resume --corpus ${corpus}`;
}

async function runOne(
  context: IngestContext,
  request: IngestRequest,
  {
    json,
    path,
    quietWhenIdle = false,
    bar = true,
    said = new Set(),
    endless = false,
    onWork = () => {},
  }: {
    json: boolean;
    path?: string;
    quietWhenIdle?: boolean;
    /** Several at once on one terminal would write over each other. */
    bar?: boolean;
    /** Notes that this process has shown already: a worker that looks every few seconds would fill its log with them. */
    said?: Set<string>;
    /** To be stopped is how it ends. */
    endless?: boolean;
    /** Called when there was something to do. */
    onWork?: () => void;
  },
): Promise<number> {
  const started = performance.now();
  const view = createProgressView({
    corpus: request.corpus,
    stream: process.stderr,
    bar,
    now: () => performance.now(),
  });
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
      onNote: sayOnce(request.corpus, said, view.note),
    });
    view.stop();
    if (!progress.idle) onWork();
    if (quietWhenIdle && progress.idle) return 0;
    console.error(describeSummary(request.corpus, progress, (performance.now() - started) / 1000));
    const left = describeOutcome(request.corpus, progress.outcome);
    if (left !== undefined) {
      console.error(left);
      return endless ? 0 : 1;
    }
    if (path === undefined || progress.added + progress.known > 0) return 0;
    console.error(`Nothing could be read from "${path}": ${progress.rejected} rejected, for the reasons above.`);
    return 1;
  } finally {
    view.stop();
  }
}

/** Why something is left to do; undefined when nothing is. */
function describeOutcome(corpus: string, outcome: IngestOutcome): string | undefined {
  switch (outcome) {
    case "DONE":
      return undefined;
    case "STOPPED":
      return "Stopped before the end. Run the same command again to go on.";
    case "CANCELLED":
      return `The operation of this run was cancelled, and its open steps are out of the work. Bring them back with: medley steps retry --corpus ${corpus}`;
    case "PAUSED":
      return describePause(corpus);
  }
}

/** JSON on standard output, one object a line; sentences for people on standard error, above the bar. */
function writeReport(view: ProgressView, json: boolean, record: object, text: string): void {
  if (json) process.stdout.write(`${JSON.stringify(record)}\n`);
  else view.note(text);
}
