import { gridSide, type TextGeometry, type VisionGeometry } from "../geometry.ts";

/** Name and shape of a tensor that a checkpoint must hold. */
export type ExpectedTensors = ReadonlyMap<string, readonly number[]>;

/** Shape of the stored position embedding when its grid differs from the model's own (it is interpolated at load). */
export interface StoredGrid {
  readonly side: number;
}

/** Tensors of the vision transformer, with Hugging Face's names. */
export function visionTensors(vision: VisionGeometry, grid: StoredGrid = { side: gridSide(vision) }): ExpectedTensors {
  const { width, mlpWidth, patchPixels } = vision;
  const root = "vision_model";
  const expected = new Map<string, readonly number[]>([
    [`${root}.embeddings.class_embedding`, [1, 1, width]],
    [`${root}.embeddings.position_embedding`, [1, grid.side ** 2 + 1, width]],
    [`${root}.embeddings.patch_embedding.weight`, [width, 3, patchPixels, patchPixels]],
    [`${root}.embeddings.patch_embedding.bias`, [width]],
    ...norm(`${root}.post_layernorm`, width),
  ]);
  for (let index = 0; index < vision.layers; index++) {
    const layer = `${root}.encoder.layers.${index}`;
    addAll(expected, [
      ...norm(`${layer}.layer_norm1`, width),
      ...linear(`${layer}.self_attn.qkv`, 3 * width, width),
      ...linear(`${layer}.self_attn.projection`, width, width),
      ...norm(`${layer}.layer_norm2`, width),
      ...linear(`${layer}.mlp.fc1`, mlpWidth, width),
      ...linear(`${layer}.mlp.fc2`, width, mlpWidth),
    ]);
  }
  return expected;
}

/**
 * Tensors of a text tower.
 * @param root "text_encoder" or "text_decoder.bert"
 */
export function textTensors(root: string, text: TextGeometry): ExpectedTensors {
  const { width, mlpWidth, crossWidth } = text;
  const expected = new Map<string, readonly number[]>([
    [`${root}.embeddings.word_embeddings.weight`, [text.vocabularySize, width]],
    [`${root}.embeddings.position_embeddings.weight`, [text.positions, width]],
    ...norm(`${root}.embeddings.LayerNorm`, width),
  ]);
  for (let index = 0; index < text.layers; index++) {
    const layer = `${root}.encoder.layer.${index}`;
    addAll(expected, [
      ...attention(`${layer}.attention`, width, width),
      ...attention(`${layer}.crossattention`, width, crossWidth),
      ...linear(`${layer}.intermediate.dense`, mlpWidth, width),
      ...linear(`${layer}.output.dense`, width, mlpWidth),
      ...norm(`${layer}.output.LayerNorm`, width),
    ]);
  }
  return expected;
}

/** Tensors of the language-model head. The output matrix and its second bias are optional (tied): see `openBlip`. */
export function languageHeadTensors(text: TextGeometry): ExpectedTensors {
  const root = "text_decoder.cls.predictions";
  return new Map<string, readonly number[]>([
    [`${root}.bias`, [text.vocabularySize]],
    ...linear(`${root}.transform.dense`, text.width, text.width),
    ...norm(`${root}.transform.LayerNorm`, text.width),
  ]);
}

/** Projections into the shared space and the match head. */
export function retrievalHeadTensors(
  vision: VisionGeometry,
  text: TextGeometry,
  embeddingDimensions: number,
): ExpectedTensors {
  return new Map<string, readonly number[]>([
    ...linear("vision_proj", embeddingDimensions, vision.width),
    ...linear("text_proj", embeddingDimensions, text.width),
    ...linear("itm_head", 2, text.width),
  ]);
}

function attention(name: string, width: number, sourceWidth: number): [string, readonly number[]][] {
  return [
    ...linear(`${name}.self.query`, width, width),
    ...linear(`${name}.self.key`, width, sourceWidth),
    ...linear(`${name}.self.value`, width, sourceWidth),
    ...linear(`${name}.output.dense`, width, width),
    ...norm(`${name}.output.LayerNorm`, width),
  ];
}

function linear(name: string, rows: number, columns: number): [string, readonly number[]][] {
  return [
    [`${name}.weight`, [rows, columns]],
    [`${name}.bias`, [rows]],
  ];
}

function norm(name: string, width: number): [string, readonly number[]][] {
  return [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
}

function addAll(target: Map<string, readonly number[]>, entries: readonly [string, readonly number[]][]): void {
  for (const [name, shape] of entries) target.set(name, shape);
}
