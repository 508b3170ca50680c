// Body of a worker thread (after entry.ts): owns ONNX sessions, because onnxruntime-node runs them synchronously on the thread that asks.
import { parentPort, threadId, workerData } from "node:worker_threads";
import { InferenceError } from "@medley/inference-api";
import type { GraphName, SerializedGraph } from "../model-graphs.ts";
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
  /** Whether the answer says how long it took. */
  readonly timed?: true;
}

/** Its answer: one result for each item, or why none of them could be tried. */
export type WorkerReply = (
  | { readonly ok: true; readonly results: readonly ItemResult[] }
  | { readonly ok: false; readonly message: string }
) & { readonly timing?: WorkerTiming };

export interface WorkerTiming {
  readonly thread: number;
  /** From the request to the answer. */
  readonly ranMs: number;
  /** Of that in graphs; the rest is reading pictures and tokens. */
  readonly modelMs: number;
}

/** Graphs are built once, in the main thread; a worker asks for each when it first needs it. */
export interface GraphRequest {
  readonly path: string;
  readonly graph: GraphName;
}

export type GraphReply = GraphRequest &
  ({ readonly ok: true; readonly built: SerializedGraph } | { readonly ok: false; readonly message: string });

const port = parentPort;
if (!port) throw new Error("Bug: worker/main.ts is started as a worker thread only.");

const { runtime, resources: module } = workerData as WorkerStart;
const exports = (await import(module.url)) as WorkerResourcesExports;
const images = createImageTokenSource(await exports.openResources(module.settings));
const models = new Map<string, LoadedModel>();
const awaited = new Map<string, PromiseWithResolvers<SerializedGraph>>();

port.on("message", (message: WorkerRequest | GraphReply) => {
  if ("graph" in message) receiveGraph(message);
  else void handle(message).then((reply) => port.postMessage(reply));
});
port.postMessage("ready");

function askForGraph(path: string, graph: GraphName): Promise<SerializedGraph> {
  const answer = Promise.withResolvers<SerializedGraph>();
  awaited.set(`${path}:${graph}`, answer);
  port?.postMessage({ path, graph } satisfies GraphRequest);
  return answer.promise;
}

function receiveGraph(reply: GraphReply): void {
  const key = `${reply.path}:${reply.graph}`;
  if (reply.ok) awaited.get(key)?.resolve(reply.built);
  else awaited.get(key)?.reject(new Error(reply.message));
  awaited.delete(key);
}

async function handle(request: WorkerRequest): Promise<WorkerReply> {
  if (!request.timed) return await perform(request, (model) => model.run);
  const startedAt = performance.now();
  let modelMs = 0;
  const reply = await perform(request, (model) => async (...graph) => {
    const runAt = performance.now();
    try {
      return await model.run(...graph);
    } finally {
      modelMs += performance.now() - runAt;
    }
  });
  return { ...reply, timing: { thread: threadId, ranMs: performance.now() - startedAt, modelMs } };
}

async function perform(
  request: WorkerRequest,
  runOf: (model: LoadedModel) => LoadedModel["run"],
): Promise<WorkerReply> {
  try {
    // One opened model serves every reference to its path; which fingerprint its tokens are stored under is the call's.
    const opened = modelOf(request.model);
    const model = { ...opened, run: runOf(opened), reference: request.model };
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

function modelOf(reference: CheckpointReference): LoadedModel {
  const { path } = reference;
  const known = models.get(path);
  if (known) return known;
  const model = loadModel(reference, runtime, (graph) => askForGraph(path, graph));
  models.set(path, model);
  return model;
}
