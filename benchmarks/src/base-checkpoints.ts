import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { baselinePython } from "./baseline.ts";

const SCRIPT = fileURLToPath(new URL("../python/make_base_checkpoint.py", import.meta.url));

/**
 * A checkpoint of BLIP base (ViT-B/16 at 384 pixels) with random weights, 0.9 GB: made once per machine in MEDLEY_BENCH_DIRECTORY
 * or the system's temporary folder. Random weights are right for speed and say nothing of quality.
 */
export function baseCheckpoint(kind: "retrieval" | "captioner"): string {
  const folder = join(process.env["MEDLEY_BENCH_DIRECTORY"] ?? join(tmpdir(), "medley-benchmarks"), kind);
  if (!existsSync(join(folder, "model.safetensors"))) {
    execFileSync(baselinePython(), [SCRIPT, "--kind", kind, "--to", folder], { stdio: "inherit" });
  }
  return folder;
}
