import { InferenceError } from "@medley/inference-api";
import * as ort from "onnxruntime-node";
import type { ImageTokens } from "./image-tokens.ts";
import type { LoadedModel } from "./loaded-model.ts";

/** Tokens of K images, all in the format of the first, as one tensor [K, T, D]. */
export function stackTokens(model: LoadedModel, tokens: readonly [ImageTokens, ...ImageTokens[]]): ort.Tensor {
  const { format } = tokens[0];
  const count = model.reference.imageTokens;
  const { width } = model.reference.vision;
  const size = count * width;
  const all = format === "float32" ? new Float32Array(tokens.length * size) : new Uint16Array(tokens.length * size);
  for (const [row, one] of tokens.entries()) {
    if (one.data.length !== size) {
      throw new InferenceError(
        "ENGINE_FAILED",
        `Stored image tokens have ${one.data.length} numbers, expected ${count} x ${width}. Delete the token store's folder.`,
      );
    }
    all.set(one.data, row * size);
  }
  return new ort.Tensor(format, all, [tokens.length, count, width]);
}

/** Texts of equal length as int32 [n, L]. */
export function idsTensor(texts: readonly (readonly number[])[]): ort.Tensor {
  return new ort.Tensor("int32", Int32Array.from(texts.flat()), [texts.length, texts[0]?.length ?? 0]);
}

/** The rows of a matrix, each a copy. */
export function rowsOf(tensor: ort.Tensor): Float32Array[] {
  const data = tensor.data as Float32Array;
  const size = data.length / (tensor.dims[0] as number);
  return Array.from({ length: tensor.dims[0] as number }, (_, row) => data.slice(row * size, (row + 1) * size));
}
