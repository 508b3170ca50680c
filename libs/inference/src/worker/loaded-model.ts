import {
  type Blip,
  decoderGraph,
  groundedEncoderGraph,
  imageEncoderGraph,
  keysValuesGraph,
  loadWeights,
  openBlip,
  rerankerGraph,
  scorerGraph,
  textEncoderGraph,
  tokenEmbeddingGraph,
  type Weights,
} from "@medley/blip";
import { externalFolder, type Graph, writeModel } from "@medley/onnx";
import * as ort from "onnxruntime-node";
import type { CheckpointReference } from "../model-set.ts";
import { useUint16ForHalfPrecision } from "./half-precision.ts";

useUint16ForHalfPrecision();

/** Every graph that a checkpoint may have a session for. */
export type GraphName =
  | "imageEncoder"
  | "textEncoder"
  | "tokenEmbedding"
  | "reranker32"
  | "reranker16"
  | "encoderKeysValues32"
  | "encoderKeysValues16"
  | "groundedMatch"
  | "groundedStates"
  | "decoderKeysValues32"
  | "decoderKeysValues16"
  | "decoder"
  | "scorer";

const GRAPHS: Readonly<Record<GraphName, (blip: Blip, weights: Weights) => Graph>> = {
  imageEncoder: imageEncoderGraph,
  textEncoder: textEncoderGraph,
  tokenEmbedding: tokenEmbeddingGraph,
  reranker32: (blip, weights) => rerankerGraph(blip, weights, "float32"),
  reranker16: (blip, weights) => rerankerGraph(blip, weights, "float16"),
  encoderKeysValues32: (blip, weights) => keysValuesGraph(blip, weights, "encoder", "float32"),
  encoderKeysValues16: (blip, weights) => keysValuesGraph(blip, weights, "encoder", "float16"),
  groundedMatch: (blip, weights) => groundedEncoderGraph(blip, weights, "match"),
  groundedStates: (blip, weights) => groundedEncoderGraph(blip, weights, "states"),
  decoderKeysValues32: (blip, weights) => keysValuesGraph(blip, weights, "decoder", "float32"),
  decoderKeysValues16: (blip, weights) => keysValuesGraph(blip, weights, "decoder", "float16"),
  decoder: decoderGraph,
  scorer: scorerGraph,
};

/** How sessions are made; plain data, sent to every worker. */
export interface RuntimeSettings {
  readonly threads: number;
  /** In order of preference, as ONNX Runtime names them ("cpu", "cuda", "webgpu"). */
  readonly executionProviders: readonly string[];
}

/** A checkpoint with its sessions in this thread; each session is made when first asked for. */
export interface LoadedModel extends AsyncDisposable {
  readonly blip: Blip;
  readonly reference: CheckpointReference;
  run(graph: GraphName, feeds: Readonly<Record<string, ort.Tensor>>, fetch?: readonly string[]): Promise<Outputs>;
}

export type Outputs = Readonly<Record<string, ort.Tensor>>;

/** Opens a checkpoint for running. Weights stay in the file: sessions map them, and nothing is repacked. */
export async function loadModel(reference: CheckpointReference, runtime: RuntimeSettings): Promise<LoadedModel> {
  const blip = await openBlip(
    reference.path,
    reference.imagePixels === undefined ? {} : { imagePixels: reference.imagePixels },
  );
  const weights = await loadWeights(blip);
  const sessions = new Map<GraphName, Promise<ort.InferenceSession>>();
  const session = (name: GraphName): Promise<ort.InferenceSession> => {
    const known = sessions.get(name);
    if (known) return known;
    const created = createSession(GRAPHS[name](blip, weights), runtime);
    sessions.set(name, created);
    return created;
  };
  return {
    blip,
    reference,
    async run(graph, feeds, fetch) {
      const opened = await session(graph);
      return await (fetch ? opened.run(feeds, [...fetch]) : opened.run(feeds));
    },
    async [Symbol.asyncDispose]() {
      for (const opened of sessions.values()) await (await opened).release();
    },
  };
}

async function createSession(graph: Graph, runtime: RuntimeSettings): Promise<ort.InferenceSession> {
  const folder = externalFolder(graph);
  const onCpu = runtime.executionProviders.every((provider) => provider === "cpu");
  return await ort.InferenceSession.create(writeModel(graph, folder ?? "."), {
    executionProviders: [...runtime.executionProviders],
    intraOpNumThreads: runtime.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    extra: {
      session: {
        // The model is passed as bytes, so the runtime must be told where its external data lies; it refuses paths outside.
        ...(folder ? { model_external_initializers_file_folder_path: folder } : {}),
        // Prepacked copies of the weights would be private to each session: start 20 x slower and a whole model more of memory.
        ...(onCpu ? { disable_prepacking: "1" } : {}),
        intra_op: { allow_spinning: "0" },
      },
    },
  });
}
