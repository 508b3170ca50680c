import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createInferenceHandler, type Inference } from "@medley/inference-api";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const RECORD = fileURLToPath(new URL("../record-calls.mjs", import.meta.url));
const START_LIMIT_MS = 60_000;

/** The gateway as a process of its own over an engine in this one. */
export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  /** Where the gateway writes when it waited for the database or the models. */
  readonly callsFile: string;
}

export async function startGateway(
  inference: Inference,
  { home, databaseUrl }: { home: string; databaseUrl: string | undefined },
): Promise<RunningGateway> {
  const engine = await serveInference(inference);
  mkdirSync(home, { recursive: true });
  const callsFile = join(home, "calls.jsonl");
  const child = spawn(process.execPath, [join(REPOSITORY, "apps/gateway/src/main.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      // As `medley start` and the container images do it.
      NODE_ENV: "production",
      ...process.env,
      MEDLEY_HOME: home,
      MEDLEY_PORT: "0",
      MEDLEY_LOG_LEVEL: "error",
      DATABASE_URL: databaseUrl ?? "",
      INFERENCE_URL: urlOf(engine),
      MEDLEY_BENCH_CALLS: callsFile,
      NODE_OPTIONS: `--import=${RECORD} ${process.env.BENCH_NODE ?? ""}`,
    },
  });
  const close = async () => {
    await ended(child);
    await new Promise((closed) => {
      engine.close(closed);
      engine.closeAllConnections();
    });
  };
  try {
    return {
      url: await untilListening(child, join(home, "run/gateway.json")),
      callsFile,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function untilListening(child: ChildProcess, runFile: string): Promise<string> {
  for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit && child.exitCode === null; await sleep(100)) {
    try {
      return (JSON.parse(readFileSync(runFile, "utf8")) as { url: string }).url;
    } catch {
      // Not written yet.
    }
  }
  throw new Error("The gateway did not begin to listen. Its log is above.");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await exit;
}

async function serveInference(inference: Inference): Promise<Server> {
  const handle = createInferenceHandler(inference);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const answer = await handle({ method: request.method ?? "GET", path, body: Buffer.concat(chunks).toString() });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
