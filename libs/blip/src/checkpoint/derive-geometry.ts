import type { StoredTensor } from "@medley/onnx";
import { BlipError } from "../blip-error.ts";
import type { TextGeometry, VisionGeometry } from "../geometry.ts";
import type { HuggingFaceConfig } from "./read-config.ts";

// Every public original checkpoint (ViT-B, ViT-L, BERT base) has heads of 64 channels, and a .pth says nothing about heads.
const ORIGINAL_HEAD_WIDTH = 64;
const ORIGINAL_VISION_EPSILON = 1e-6; // models/vit.py:142
const ORIGINAL_TEXT_EPSILON = 1e-12; // configs/med_config.json

type Tensors = ReadonlyMap<string, StoredTensor>;

/** Vision geometry of a checkpoint without a config, from the shapes of its tensors. */
export function visionGeometryFromShapes(tensors: Tensors): VisionGeometry {
  const width = size(tensors, "vision_model.embeddings.class_embedding", 2);
  const patchPixels = size(tensors, "vision_model.embeddings.patch_embedding.weight", 2);
  return {
    width,
    layers: countLayers(tensors, "vision_model.encoder.layers."),
    heads: originalHeads("vision_model.embeddings.class_embedding", width),
    mlpWidth: size(tensors, "vision_model.encoder.layers.0.mlp.fc1.weight", 0),
    patchPixels,
    imagePixels: storedGridSide(tensors) * patchPixels,
    layerNormEpsilon: ORIGINAL_VISION_EPSILON,
  };
}

/**
 * Geometry of one text tower from the shapes of its tensors.
 * @param root "text_encoder" or "text_decoder.bert"
 */
export function textGeometryFromShapes(tensors: Tensors, root: string): TextGeometry {
  const words = `${root}.embeddings.word_embeddings.weight`;
  const width = size(tensors, words, 1);
  return {
    width,
    layers: countLayers(tensors, `${root}.encoder.layer.`),
    heads: originalHeads(words, width),
    mlpWidth: size(tensors, `${root}.encoder.layer.0.intermediate.dense.weight`, 0),
    vocabularySize: size(tensors, words, 0),
    positions: size(tensors, `${root}.embeddings.position_embeddings.weight`, 0),
    crossWidth: crossWidth(tensors, root),
    layerNormEpsilon: ORIGINAL_TEXT_EPSILON,
  };
}

/**
 * Geometry of one text tower as config.json states it. Only the width of what cross-attention reads comes from the tensors:
 * transformers forces it to the vision width in every text module, which is wrong for a VQA decoder (blip_vqa.py:33).
 */
export function textGeometryFromConfig(config: HuggingFaceConfig, tensors: Tensors, root: string): TextGeometry {
  const { bosTokenId: _bos, sepTokenId: _sep, padTokenId: _pad, ...text } = config.text;
  return { ...text, crossWidth: crossWidth(tensors, root) };
}

/** Patches along one side of the grid that the stored position embedding belongs to. */
export function storedGridSide(tensors: Tensors): number {
  const name = "vision_model.embeddings.position_embedding";
  const count = size(tensors, name, 1);
  const side = Math.sqrt(count - 1);
  if (!Number.isInteger(side) || side < 1) {
    throw new BlipError(
      "WRONG_SHAPE",
      `Tensor "${name}" holds ${count} positions, expected 1 + a square number (the class token and a square grid).`,
    );
  }
  return side;
}

function crossWidth(tensors: Tensors, root: string): number {
  return size(tensors, `${root}.encoder.layer.0.crossattention.self.key.weight`, 1);
}

function countLayers(tensors: Tensors, prefix: string): number {
  let layers = 0;
  for (const name of tensors.keys()) {
    if (name.startsWith(prefix)) layers = Math.max(layers, Number.parseInt(name.slice(prefix.length), 10) + 1);
  }
  return layers;
}

function originalHeads(name: string, width: number): number {
  if (width % ORIGINAL_HEAD_WIDTH !== 0) {
    throw new BlipError(
      "UNSUPPORTED",
      `Tensor "${name}" is ${width} wide. A checkpoint without config.json has heads of ${ORIGINAL_HEAD_WIDTH} channels, ` +
        `which does not divide it. Put a config.json with num_attention_heads beside the file.`,
    );
  }
  return width / ORIGINAL_HEAD_WIDTH;
}

function size(tensors: Tensors, name: string, axis: number): number {
  const tensor = tensors.get(name);
  if (!tensor)
    throw new BlipError("MISSING_TENSOR", `Tensor "${name}" is missing. Is this a complete BLIP checkpoint?`);
  const value = tensor.shape[axis];
  if (value === undefined) {
    throw new BlipError(
      "WRONG_SHAPE",
      `Tensor "${name}" has shape [${tensor.shape}], expected at least ${axis + 1} axes.`,
    );
  }
  return value;
}
