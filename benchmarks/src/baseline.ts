import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** PyTorch `transformers` in a process of its own, asked one thing at a time. */
export interface Baseline extends AsyncDisposable {
  /** Seconds that one operation took, measured inside that process. Operations: benchmarks/python/transformers_bench.py. */
  seconds(request: Readonly<Record<string, unknown>>): Promise<number>;
}

const SCRIPT = fileURLToPath(new URL("../python/transformers_bench.py", import.meta.url));

/** The Python with torch and transformers: MEDLEY_BENCH_PYTHON, else the one of apps/pretraining. */
export function baselinePython(): string {
  const own = fileURLToPath(new URL("../../apps/pretraining/.venv/bin/python", import.meta.url));
  const python = process.env["MEDLEY_BENCH_PYTHON"] ?? own;
  if (!existsSync(python)) {
    throw new Error(
      `The baseline needs a Python with benchmarks/python/requirements.txt, but ${python} does not exist. ` +
        "Make one (npm run setup -w @medley/pretraining) or name it in MEDLEY_BENCH_PYTHON.",
    );
  }
  return python;
}

export function startBaseline(checkpoint: string, threads: number): Baseline {
  const child: ChildProcessWithoutNullStreams = spawn(
    baselinePython(),
    [SCRIPT, "--model-dir", checkpoint, "--threads", String(threads)],
    { env: { ...process.env, OMP_NUM_THREADS: String(threads), PYTHONUNBUFFERED: "1" } },
  );
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async seconds(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done)
        throw new Error(`transformers_bench.py ended (code ${child.exitCode}) while asked ${JSON.stringify(request)}.`);
      const reply = JSON.parse(value) as { seconds?: number; error?: string };
      if (reply.seconds === undefined) throw new Error(`transformers_bench.py: ${reply.error}`);
      return reply.seconds;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      child.kill();
    },
  };
}
