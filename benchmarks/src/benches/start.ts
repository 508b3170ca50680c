import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startBaseline } from "../baseline.ts";
import { baseCheckpoint } from "../base-checkpoints.ts";
import { interleave, lowerIsBetter, type Measurement } from "../measure.ts";

const EMBED_ONCE = fileURLToPath(new URL("../embed-once.ts", import.meta.url));

/** A fresh process from checkpoint to first embedding, and the private memory that one more worker costs. */
export async function start(runs: number, threads: number): Promise<readonly Measurement[]> {
  const checkpoint = baseCheckpoint("retrieval");
  await using baseline = startBaseline(checkpoint, threads);
  const seconds = await interleave(
    runs,
    async () => (await embedOnce(checkpoint, threads, 1)).seconds,
    () => baseline.seconds({ op: "start" }),
  );
  const one = await embedOnce(checkpoint, 1, 1);
  const two = await embedOnce(checkpoint, 1, 2);
  const extraWorker = (two.privateBytes - one.privateBytes) / 1e6;
  const checkpointSize = statSync(join(checkpoint, "model.safetensors")).size / 1e6;
  const memory = { ours: extraWorker, baseline: checkpointSize };
  return [
    lowerIsBetter("start", `checkpoint to first embedding, ${threads} threads`, "s", runs, seconds),
    lowerIsBetter("start", "private memory of one more worker, against the checkpoint's size", "MB", 1, memory),
  ];
}

interface OneStart {
  readonly seconds: number;
  /** RssAnon of the process after every worker has embedded a picture and a text and matched them. */
  readonly privateBytes: number;
}

async function embedOnce(checkpoint: string, threads: number, workers: number): Promise<OneStart> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    EMBED_ONCE,
    checkpoint,
    String(threads),
    String(workers),
  ]);
  return JSON.parse(stdout) as OneStart;
}
