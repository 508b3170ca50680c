import * as ort from "onnxruntime-node";
import type { EvidenceGraphName } from "../model-graphs.ts";
import type { ImageTokens } from "./image-tokens.ts";
import type { LoadedModel } from "./loaded-model.ts";
import { idsTensor, rowsOf, stackTokens } from "./tensors.ts";

/** Which attentions are to be read: means over tokens of one text, in one layer. */
export interface AttentionTask {
  readonly ids: readonly number[];
  /** float32 [M, L], one row of weights for each mean. */
  readonly means: Float32Array;
  readonly layer: number;
}

/** Cosines of a word's embedding and each patch's, for each image: float32 [T - 1], patches by rows. */
export async function patchCosines(
  model: LoadedModel,
  ids: readonly number[],
  tokens: readonly [ImageTokens, ...ImageTokens[]],
): Promise<Float32Array[]> {
  const output = await model.run("textEncoder", { ids: idsTensor([ids]) }, ["embedding"]);
  const [word] = rowsOf(output["embedding"] as ort.Tensor);
  if (!word) throw new Error("Bug: a text without an embedding.");
  return await Promise.all(tokens.map((one) => cosinesWith(model, word, one)));
}

async function cosinesWith(model: LoadedModel, word: Float32Array, tokens: ImageTokens): Promise<Float32Array> {
  const { width } = model.reference.vision;
  // The graph makes an embedding of each row that it is given; usually these are [CLS] tokens.
  const whole = stackTokens(model, [tokens]).data as Float32Array | Uint16Array;
  const patches =
    whole instanceof Float32Array
      ? whole.subarray(width)
      : Float32Array.from(new Float16Array(whole.buffer, whole.byteOffset, whole.length).subarray(width));
  const rows = new ort.Tensor("float32", patches, [patches.length / width, width]);
  const output = await model.run("tokenEmbedding", { cls: rows });
  const embeddings = output["embedding"]?.data as Float32Array;
  return Float32Array.from({ length: patches.length / width }, (_, patch) => {
    let sum = 0;
    const start = patch * word.length;
    for (let index = 0; index < word.length; index++)
      sum += (word[index] as number) * (embeddings[start + index] as number);
    return sum;
  });
}

/** Means of one layer's cross-attention for each image: float32 [H, M, T]. */
export async function attentionMeans(
  model: LoadedModel,
  { ids, means, layer }: AttentionTask,
  tokens: readonly [ImageTokens, ...ImageTokens[]],
): Promise<Float32Array[]> {
  const graph: EvidenceGraphName = `evidence${tokens[0].format === "float32" ? 32 : 16}.${layer}`;
  const output = await model.run(graph, {
    ids: idsTensor([ids]),
    means: new ort.Tensor("float32", means, [means.length / ids.length, ids.length]),
    tokens: stackTokens(model, tokens),
  });
  return rowsOf(output["attention"] as ort.Tensor);
}
