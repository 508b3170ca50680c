import * as ort from "onnxruntime-node";
import type { GraphName, SerializedGraph } from "../model-graphs.ts";
import type { CheckpointReference } from "../model-set.ts";
import { useUint16ForHalfPrecision } from "./half-precision.ts";

useUint16ForHalfPrecision();

/** How sessions are made; plain data, sent to every worker. */
export interface RuntimeSettings {
  readonly threads: number;
  /** In order of preference, as ONNX Runtime names them ("cpu", "cuda", "webgpu"). */
  readonly executionProviders: readonly string[];
}

/** A checkpoint with its sessions in this thread; each session is made when first asked for. */
export interface LoadedModel extends AsyncDisposable {
  readonly reference: CheckpointReference;
  run(graph: GraphName, feeds: Readonly<Record<string, ort.Tensor>>, fetch?: readonly string[]): Promise<Outputs>;
}

export type Outputs = Readonly<Record<string, ort.Tensor>>;

/**
 * A checkpoint for running. Weights stay in its file: sessions map them, and nothing is repacked.
 * @param graphs where its graphs come from
 */
export function loadModel(
  reference: CheckpointReference,
  runtime: RuntimeSettings,
  graphs: (name: GraphName) => Promise<SerializedGraph>,
): LoadedModel {
  const sessions = new Map<GraphName, Promise<ort.InferenceSession>>();
  const session = (name: GraphName): Promise<ort.InferenceSession> => {
    const known = sessions.get(name);
    if (known) return known;
    const created = graphs(name).then((graph) => createSession(graph, runtime));
    sessions.set(name, created);
    created.catch(() => sessions.delete(name));
    return created;
  };
  return {
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

async function createSession(
  { bytes, folder }: SerializedGraph,
  runtime: RuntimeSettings,
): Promise<ort.InferenceSession> {
  const onCpu = runtime.executionProviders.every((provider) => provider === "cpu");
  return await ort.InferenceSession.create(bytes, {
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
