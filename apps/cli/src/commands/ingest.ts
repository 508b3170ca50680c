import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "@medley/config";
import { findCorpus, openDatabase } from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { note } from "../output.ts";
import { startTool } from "../processes/child.ts";
import { withInference } from "../processes/with-inference.ts";

export interface IngestOptions {
  readonly corpus: string;
  readonly captions: boolean;
  readonly retryFailed: boolean;
  /** Of the steps of what is brought in; 0 when absent. */
  readonly priority?: number;
  readonly watch?: boolean;
  /** File that declares the corpus's attributes. */
  readonly attributes?: string;
  /** What is read from the EXIF and XMP of pictures: some of date, camera, position, with commas between. */
  readonly readMetadata?: string;
  /** False leaves the calibration of searches to the worker of `medley start`. */
  readonly calibration?: boolean;
  readonly json: boolean;
}

/**
 * Runs apps/ingest with the inference server of this installation; without a path only on the open steps of the corpus. Resolves with its
 * exit code.
 */
export async function runIngest(settings: Settings, path: string | undefined, options: IngestOptions): Promise<number> {
  if (options.corpus.trim() === "") {
    throw new CliError("WRONG_USAGE", "--corpus is empty, expected the name of a corpus.", { exitCode: 2 });
  }
  if (path === undefined) {
    await requireCorpus(settings, options.corpus);
    return withInference(settings, "wait", ({ url, lost }) =>
      workOnCorpus(settings, url, options.corpus, options, lost),
    );
  }
  // Before models are loaded: a mistyped path is answered at once.
  if (!existsSync(path)) throw new CliError("SOURCE_NOT_FOUND", `There is no folder or file "${path}".`);
  return withInference(settings, "wait", ({ url, lost }) => addPictures(settings, url, path, options, lost));
}

/** Does the open steps of a corpus with apps/ingest. Resolves with its exit code. */
export function workOnCorpus(
  settings: Settings,
  inferenceUrl: string,
  corpus: string,
  options: { readonly captions?: boolean; readonly retryFailed?: boolean; readonly json: boolean },
  lost?: AbortSignal,
): Promise<number> {
  return runTool(settings, inferenceUrl, ["work", "--corpus", corpus, ...flagsOf(options)], lost);
}

/** Does the open reindex of a corpus with apps/ingest, or waits for the worker that does. Resolves with its exit code. */
export function reindexCorpus(
  settings: Settings,
  inferenceUrl: string,
  corpus: string,
  options: { readonly json: boolean },
  lost?: AbortSignal,
): Promise<number> {
  return runTool(settings, inferenceUrl, ["reindex", "--corpus", corpus, ...flagsOf(options)], lost);
}

/** Does an upkeep of a corpus with apps/ingest, or waits for the worker that does. Resolves with its exit code. */
export function doUpkeep(
  settings: Settings,
  inferenceUrl: string,
  { corpus, operationId, json }: { readonly corpus: string; readonly operationId: string; readonly json: boolean },
  lost?: AbortSignal,
): Promise<number> {
  const args = ["upkeep", "--corpus", corpus, "--operation", operationId, ...flagsOf({ json })];
  return runTool(settings, inferenceUrl, args, lost);
}

/** @param lost  stops the ingest in good order when it fires: the inference server will not come back */
export function addPictures(
  settings: Settings,
  inferenceUrl: string,
  path: string,
  options: IngestOptions,
  lost?: AbortSignal,
): Promise<number> {
  const args = [
    ...["add", path, "--corpus", options.corpus],
    // Joined, because a negative number alone reads like an option.
    ...(options.priority === undefined ? [] : [`--priority=${options.priority}`]),
    ...(options.attributes === undefined ? [] : ["--attributes", options.attributes]),
    ...(options.readMetadata === undefined ? [] : ["--read-metadata", options.readMetadata]),
    ...flagsOf(options),
  ];
  return runTool(settings, inferenceUrl, args, lost);
}

function flagsOf(
  options: Partial<Omit<IngestOptions, "corpus" | "priority" | "attributes" | "readMetadata">>,
): string[] {
  return [
    ...(options.captions === false ? ["--no-captions"] : []),
    ...(options.calibration === false ? ["--no-calibration"] : []),
    ...(options.retryFailed ? ["--retry-failed"] : []),
    ...(options.watch ? ["--watch"] : []),
    ...(options.json ? ["--json"] : []),
  ];
}

/** Before models are loaded: a mistyped name is answered at once. */
async function requireCorpus(settings: Settings, name: string): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  if (await findCorpus(db, name)) return;
  const hint = `Name a source to create it: medley ingest SOURCE --corpus ${name}`;
  throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${name}". ${hint}`);
}

async function runTool(
  settings: Settings,
  inferenceUrl: string,
  args: readonly string[],
  lost?: AbortSignal,
): Promise<number> {
  const tool = startTool({
    name: "The ingest process",
    main: join(settings.repository, "apps/ingest/src/main.ts"),
    args,
    env: { MEDLEY_HOME: settings.home, INFERENCE_URL: inferenceUrl },
    onNote: note,
  });
  const stop = () => void tool.stop();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  lost?.addEventListener("abort", stop, { once: true });
  if (lost?.aborted) stop();
  try {
    return await tool.exit;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
}
