// Body of a worker thread (after entry.ts): owns ONNX sessions, because onnxruntime-node runs them synchronously on the thread that asks.
import { parentPort, workerData } from "node:worker_threads";
import { InferenceError } from "@medley/inference-api";
import type { CheckpointReference } from "../model-set.ts";
import type { WorkerResourcesExports, WorkerResourcesModule } from "../worker-resources.ts";
import { createImageTokenSource } from "./image-tokens.ts";
import { type LoadedModel, loadModel, type RuntimeSettings } from "./loaded-model.ts";
import { type ItemResult, runTask, type Task } from "./tasks.ts";

/** What a worker is started with. */
export interface WorkerStart {
  readonly runtime: RuntimeSettings;
  readonly resources: WorkerResourcesModule;
  /** Where Node keeps compiled modules between starts. */
  readonly compileCacheDirectory: string;
}

/** A task for a worker. `control[0]` turns 1 when nobody waits any more; `deadlineAt` is a time as Date.now gives it. */
export interface WorkerRequest {
  readonly model: CheckpointReference;
  readonly task: Task;
  readonly deadlineAt: number;
  readonly control: Int32Array;
}

/** Its answer: one result for each item, or why none of them could be tried. */
export type WorkerReply =
  | { readonly ok: true; readonly results: readonly ItemResult[] }
  | { readonly ok: false; readonly message: string };

const port = parentPort;
if (!port) throw new Error("Bug: worker/main.ts is started as a worker thread only.");

const { runtime, resources: module } = workerData as WorkerStart;
const exports = (await import(module.url)) as WorkerResourcesExports;
const images = createImageTokenSource(await exports.openResources(module.settings));
const models = new Map<string, Promise<LoadedModel>>();

port.on("message", (request: WorkerRequest) => {
  void handle(request).then((reply) => port.postMessage(reply));
});
port.postMessage("ready");

async function handle(request: WorkerRequest): Promise<WorkerReply> {
  try {
    // One opened model serves every reference to its path; which fingerprint its tokens are stored under is the call's.
    const model = { ...(await modelOf(request.model)), reference: request.model };
    const results = await runTask({ model, images, stop: stopCheck(request) }, request.task);
    return { ok: true, results };
  } catch (error) {
    if (error instanceof InferenceError) {
      const failed = { ok: false, code: error.code, message: error.message } as const;
      return { ok: true, results: [failed] };
    }
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function stopCheck(request: WorkerRequest): () => void {
  return () => {
    if (Atomics.load(request.control, 0) === 1) throw new InferenceError("CANCELLED", "The call was given up.");
    if (Date.now() > request.deadlineAt) {
      throw new InferenceError("DEADLINE_EXCEEDED", "The deadline passed while the call was running. Allow more time.");
    }
  };
}

function modelOf(reference: CheckpointReference): Promise<LoadedModel> {
  const known = models.get(reference.path);
  if (known) return known;
  const loading = loadModel(reference, runtime);
  models.set(reference.path, loading);
  loading.catch(() => models.delete(reference.path));
  return loading;
}
