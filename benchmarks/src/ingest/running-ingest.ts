import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const INFERENCE_MAIN = fileURLToPath(new URL("../../../apps/inference/src/main.ts", import.meta.url));
const INGEST_MAIN = fileURLToPath(new URL("../../../apps/ingest/src/main.ts", import.meta.url));
const START_LIMIT_MS = 120_000;
const SAMPLE_MS = 200;

export interface RunningInferenceServer extends AsyncDisposable {
  readonly processId: number;
}

/** The product's inference server with the bundled model, a worker a core. */
export async function startInferenceServer(home: string, workers: number): Promise<RunningInferenceServer> {
  const server = spawn(process.execPath, [INFERENCE_MAIN], {
    env: environment(home, { INFERENCE_WORKERS: String(workers), INFERENCE_THREADS: "1", MEDLEY_LOG_LEVEL: "warn" }),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const limit = Date.now() + START_LIMIT_MS;
  while (!existsSync(join(home, "run", "inference.json"))) {
    if (server.exitCode !== null || Date.now() > limit)
      throw new Error("The inference server did not start; see above.");
    await sleep(50);
  }
  return {
    processId: server.pid as number,
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await ended(server);
    },
  };
}

export interface MemorySample {
  readonly pictures: number;
  readonly megabytes: number;
}

export interface IngestRun {
  readonly seconds: number;
  readonly memory: readonly MemorySample[];
  /** The same of the process `beside`; empty without one. */
  readonly memoryBeside: readonly MemorySample[];
}

export interface IngestOptions {
  /** Folder or manifest. */
  readonly source: string;
  readonly corpus: string;
  /** How many pictures it holds. */
  readonly count: number;
  readonly databaseUrl?: string;
  /** Process whose memory is looked at as well. */
  readonly beside?: number;
  /** False leaves searches without a calibration. */
  readonly calibration?: boolean;
}

/** One `medley ingest SOURCE --no-captions` as a process of its own, from its start to its end. Throws unless all `count` pictures came in. */
export async function runIngestProcess(home: string, options: IngestOptions): Promise<IngestRun> {
  const before = performance.now();
  const flags = ["--no-captions", "--json", ...(options.calibration === false ? ["--no-calibration"] : [])];
  const child = spawn(process.execPath, [INGEST_MAIN, "add", options.source, "--corpus", options.corpus, ...flags], {
    env: environment(home, { DATABASE_URL: options.databaseUrl ?? "" }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let pictures = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    if ((JSON.parse(line) as { created?: boolean }).created) pictures += 1;
  });
  let report = "";
  child.stderr.on("data", (text) => {
    report += String(text);
  });
  const memory: MemorySample[] = [];
  const memoryBeside: MemorySample[] = [];
  const look = (processId: number | undefined, samples: MemorySample[]) => {
    const megabytes = processId === undefined ? undefined : residentMegabytes(processId);
    if (megabytes !== undefined) samples.push({ pictures, megabytes });
  };
  const timer = setInterval(() => {
    look(child.pid, memory);
    look(options.beside, memoryBeside);
  }, SAMPLE_MS);
  const code = await ended(child);
  clearInterval(timer);
  if (code !== 0 || pictures !== options.count) {
    throw new Error(`Ingest ended with ${code} after ${pictures} of ${options.count} pictures: ${report.slice(-2000)}`);
  }
  return { seconds: (performance.now() - before) / 1000, memory, memoryBeside };
}

/** What the process has in memory; undefined once it is gone. */
function residentMegabytes(pid: number): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

function environment(home: string, settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  // Nothing of the caller's own installation: its database, its models, its server.
  const own = Object.entries(process.env).filter(([name]) => !/^(MEDLEY|INFERENCE|DATABASE)_/.test(name));
  const given = Object.entries(settings).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(own), MEDLEY_HOME: home, ...Object.fromEntries(given) };
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return await new Promise((done) => child.once("close", done));
}
