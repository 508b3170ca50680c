import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "@medley/config";
import { CliError } from "../cli-error.ts";
import { note } from "../output.ts";
import { startTool } from "../processes/child.ts";
import { withInference } from "../processes/with-inference.ts";

export interface IngestOptions {
  readonly corpus: string;
  readonly captions: boolean;
  readonly retryFailed: boolean;
  readonly watch?: boolean;
  readonly json: boolean;
}

/** Runs apps/ingest with the inference server of this installation. Resolves with its exit code. */
export async function runIngest(settings: Settings, path: string, options: IngestOptions): Promise<number> {
  // Before models are loaded: a mistyped path is answered at once.
  if (!existsSync(path)) throw new CliError("SOURCE_NOT_FOUND", `There is no folder or file "${path}".`);
  return withInference(settings, "wait", ({ url, lost }) => addPictures(settings, url, path, options, lost));
}

/** Does the open steps of a corpus with apps/ingest. Resolves with its exit code. */
export function workOnCorpus(
  settings: Settings,
  inferenceUrl: string,
  corpus: string,
  { json }: { readonly json: boolean },
  lost?: AbortSignal,
): Promise<number> {
  return runTool(settings, inferenceUrl, ["work", "--corpus", corpus, ...(json ? ["--json"] : [])], lost);
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
    ...(options.captions ? [] : ["--no-captions"]),
    ...(options.retryFailed ? ["--retry-failed"] : []),
    ...(options.watch ? ["--watch"] : []),
    ...(options.json ? ["--json"] : []),
  ];
  return runTool(settings, inferenceUrl, args, lost);
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
  try {
    return await tool.exit;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
}
