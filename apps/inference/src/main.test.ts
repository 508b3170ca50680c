import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findRunningServer } from "@medley/config";
import { createInferenceClient } from "@medley/inference-api";
import { CONFORMANCE } from "@medley/inference-api/testing";
import { openBlobStore } from "@medley/storage/blobs";
import { recordModules } from "@medley/tracing/testing/modules";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const CHECKPOINTS = join(REPOSITORY, "libs/blip/fixtures");
const home = mkdtempSync(join(tmpdir(), "medley-inference-"));
const picture = readFileSync(join(REPOSITORY, "assets/demo/images/fluent-3d/red-apple.webp"));
const modules = recordModules();
let server: ChildProcess;
let url = "";
let storedSha256 = "";

beforeAll(async () => {
  storedSha256 = await openBlobStore({ directory: join(home, "blobs") }).put(picture);
  const roles = { retrieval: "original/pretrain/model_pretrain.pth", captioner: "captioner", answerer: "answerer" };
  const modelsFile = join(home, "medley.models.json");
  writeFileSync(
    modelsFile,
    JSON.stringify({
      name: "test",
      roles: Object.fromEntries(
        Object.entries(roles).map(([role, path]) => [role, { checkpoint: join(CHECKPOINTS, path) }]),
      ),
    }),
  );
  server = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: {
      ...{ ...process.env, MEDLEY_HOME: home, MEDLEY_MODELS: modelsFile, INFERENCE_WORKERS: "1", INFERENCE_PORT: "0" },
      ...modules.environment,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  url = await vi.waitUntil(() => findRunningServer(join(home, "run"), "inference")?.url, { timeout: 100_000 });
});

afterAll(() => {
  server.kill("SIGKILL");
});

for (const { id, promise, run } of CONFORMANCE) {
  test(`${id} ${promise}`, () => run({ inference: createInferenceClient({ url }), picture, storedSha256 }));
}

test("ends in good order and takes its run file with it", async () => {
  const ended = new Promise<number | null>((resolveEnd) => server.once("exit", resolveEnd));
  server.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(existsSync(join(home, "run/inference.json"))).toBe(false);
  // Without a collector nothing is traced, and nothing of OpenTelemetry is loaded, in the worker threads neither.
  expect(modules.packages()).toEqual([]);
});
