import { join } from "node:path";
import { findRunningServer, type Settings } from "@medley/config";
import { createInferenceClient, type Inference } from "@medley/inference-api";
import { note } from "../output.ts";
import { type ServerChild, startServer } from "./child.ts";
import { reservePort } from "./free-port.ts";
import { type Supervised, supervise } from "./supervisor.ts";
import { borrowServer } from "./take-over.ts";

/** The inference server that a command works with. */
export interface InferenceConnection {
  readonly inference: Inference;
  readonly url: string;
  /** Fires when the server is gone for good: work that waits for it must end. */
  readonly lost: AbortSignal;
}

/**
 * Runs the work against the inference server of this installation: the running one, or one for as long as it takes. An own
 * server that dies is started again where it was; when it dies again and again, this rejects with its last words. One that another command
 * started is taken over when that command ends.
 * @param onSignal  what Ctrl-C does while an own server runs: "exit" stops it and ends this process; "wait" leaves it to the
 *   work to end soon, after which the server is stopped
 */
export async function withInference<T>(
  settings: Settings,
  onSignal: "exit" | "wait",
  work: (connection: InferenceConnection) => Promise<T>,
): Promise<T> {
  if (settings.inferenceUrl !== undefined) {
    const url = settings.inferenceUrl;
    return await work({ inference: connect(settings, url), url, lost: new AbortController().signal });
  }
  const borrowed = await findLivingServer(settings);
  if (borrowed !== undefined) return await workWithBorrowed(settings, borrowed, work);
  const port = await reservePort(settings.inferenceHost, 0, "INFERENCE_PORT");
  const server = superviseInference(settings, port);
  const stop = () => {
    if (onSignal === "exit") void server.stop().then(() => process.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  try {
    const url = await server.listening;
    return await workWhileServed(server, (lost) => work({ inference: connect(settings, url), url, lost }));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    await server.stop();
  }
}

async function workWithBorrowed<T>(
  settings: Settings,
  url: string,
  work: (connection: InferenceConnection) => Promise<T>,
): Promise<T> {
  const inference = connect(settings, url);
  await using borrowed = borrowServer({
    isAlive: () => answers(inference),
    start: () => superviseInference(settings, Number(new URL(url).port)),
    onNote: note,
  });
  return await workWhileServed(borrowed, (lost) => work({ inference, url, lost }));
}

function superviseInference(settings: Settings, port: number): Supervised {
  return supervise({ name: "The inference server", start: () => startInference(settings, port), onNote: note });
}

function answers(inference: Inference): Promise<boolean> {
  return inference.models().then(
    () => true,
    () => false,
  );
}

/** When the server is lost, the work is told and awaited, so that nothing of it goes on after the command's last words. */
export async function workWhileServed<T>(
  server: Pick<Supervised, "lost">,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const working = work(lost.signal);
  try {
    return await Promise.race([working, server.lost]);
  } catch (error) {
    lost.abort(error);
    await working.catch(() => {});
    throw error;
  }
}

export function startInference(settings: Settings, port: number): ServerChild {
  return startServer({
    name: "The inference server",
    main: join(settings.repository, "apps/inference/src/main.ts"),
    env: { MEDLEY_HOME: settings.home, MEDLEY_MODELS: settings.modelsFile, INFERENCE_PORT: String(port) },
    logFile: join(settings.home, "logs/inference.log"),
  });
}

async function findLivingServer(settings: Settings): Promise<string | undefined> {
  const url = findRunningServer(settings.runDirectory, "inference")?.url;
  if (url === undefined) return undefined;
  // The process id may belong to somebody else by now: only an answer counts.
  return (await answers(connect(settings, url))) ? url : undefined;
}

function connect(settings: Settings, url: string): Inference {
  return createInferenceClient({ url, deadlineMs: settings.inferenceDeadlineMs });
}
