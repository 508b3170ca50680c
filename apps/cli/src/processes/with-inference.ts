import { join } from "node:path";
import { findRunningServer, type Settings } from "@medley/config";
import { createInferenceClient, type Inference } from "@medley/inference-api";
import { type ServerChild, startServer } from "./child.ts";

/**
 * Runs the work against the inference server of this installation: the running one, or one for as long as it takes.
 * @param onSignal  what Ctrl-C does while an own server runs: "exit" stops it and ends this process; "wait" leaves it to the
 *   work to end soon, after which the server is stopped
 */
export async function withInference<T>(
  settings: Settings,
  onSignal: "exit" | "wait",
  work: (inference: Inference, url: string) => Promise<T>,
): Promise<T> {
  const running = settings.inferenceUrl ?? (await findLivingServer(settings));
  if (running !== undefined) return await work(connect(settings, running), running);
  const child = startInference(settings, 0);
  const stop = () => {
    if (onSignal === "exit") void child.stop().then(() => process.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  try {
    const url = await child.listening;
    return await work(connect(settings, url), url);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    await child.stop();
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
  return connect(settings, url)
    .models()
    .then(
      () => url,
      () => undefined,
    );
}

function connect(settings: Settings, url: string): Inference {
  return createInferenceClient({ url, deadlineMs: settings.inferenceDeadlineMs });
}
