import {
  type Blip,
  decoderGraph,
  evidenceGraph,
  groundedEncoderGraph,
  imageEncoderGraph,
  imageTokenCount,
  keysValuesGraph,
  loadWeights,
  rerankerGraph,
  scorerGraph,
  textEncoderGraph,
  tokenEmbeddingGraph,
  type Weights,
} from "@medley/blip";
import { externalFolder, type Graph, writeModel } from "@medley/onnx";

/** Reads the cross-attention of one layer of the matcher; which one is a setting of the model set. */
export type EvidenceGraphName = `evidence${16 | 32}.${number}`;

/** Every graph that a checkpoint may have a session for. */
export type GraphName = FixedGraphName | EvidenceGraphName;

type FixedGraphName =
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

const GRAPHS: Readonly<Record<FixedGraphName, (blip: Blip, weights: Weights) => Graph>> = {
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

function buildGraph(name: GraphName, blip: Blip, weights: Weights): Graph {
  const [, bits, layer] = /^evidence(16|32)\.(\d+)$/.exec(name) ?? [];
  if (layer === undefined) return GRAPHS[name as FixedGraphName](blip, weights);
  return evidenceGraph(blip, weights, Number(layer), bits === "32" ? "float32" : "float16");
}

/**
 * What a worker has to know of a checkpoint besides its graphs: plain data, sent with every task, so that workers load neither
 * libs/blip nor a vocabulary.
 */
export interface ModelPlan {
  readonly path: string;
  readonly name: string;
  /** Image tokens of one picture, [CLS] included. */
  readonly imageTokens: number;
  readonly vision: Blip["vision"];
  readonly textEncoder: Blip["textEncoder"];
  readonly textDecoder: Blip["textDecoder"];
  readonly embeddingDimensions: Blip["embeddingDimensions"];
  readonly preprocessor: Blip["preprocessor"];
  /** Tokens that a generated text starts and ends with. */
  readonly decodeToken: number;
  readonly endToken: number;
}

/** The plain part of an opened checkpoint. */
export function planOf(blip: Blip): ModelPlan {
  const { path, name, vision, textEncoder, textDecoder, embeddingDimensions, preprocessor, endToken } = blip;
  const decodeToken = blip.tokenizer.specialTokens.decode;
  const imageTokens = imageTokenCount(vision);
  return {
    path,
    name,
    imageTokens,
    vision,
    textEncoder,
    textDecoder,
    embeddingDimensions,
    preprocessor,
    decodeToken,
    endToken,
  };
}

/** A graph as ONNX Runtime reads it; its weights lie in files of `folder`. */
export interface SerializedGraph {
  readonly bytes: Uint8Array;
  readonly folder: string | undefined;
}

/**
 * Builds the graphs of one checkpoint, each once, whichever worker asks first. One that failed is tried again when next asked for.
 * @returns rejects with a CheckpointError or the system's error when a tensor cannot be read
 */
export function createGraphBuilder(blip: Blip): (name: GraphName) => Promise<SerializedGraph> {
  let weights: Promise<Weights> | undefined;
  const built = new Map<GraphName, Promise<SerializedGraph>>();
  return (name) => {
    const known = built.get(name);
    if (known) return known;
    weights ??= loadWeights(blip);
    const building = weights.then((loaded) => {
      const graph = buildGraph(name, blip, loaded);
      const folder = externalFolder(graph);
      return { bytes: writeModel(graph, folder ?? "."), folder };
    });
    built.set(name, building);
    building.catch(() => {
      weights = undefined;
      built.delete(name);
    });
    return building;
  };
}
