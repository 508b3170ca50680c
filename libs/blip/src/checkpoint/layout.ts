import type { StoredTensor } from "@medley/onnx";

/** "huggingface" as `transformers` saves it; "original" as BLIP's and LAVIS's training scripts do. */
export type Layout = "huggingface" | "original";

// Tensors that training needs and inference does not: momentum copies, queues, temperature (BLIP blip_pretrain.py,
// blip_retrieval.py), position counters that only hold 0, 1, 2, ..., and Hugging Face's unused CLIP-like scale.
const TRAINING_ONLY = [
  /^(visual_encoder|text_encoder|vision_proj|text_proj)_m\./,
  /^(image|text|idx|ptr)_queue$/,
  /^queue_ptr$/,
  /^(new_)?ptr_queue$/,
  /^temp$/,
  /^logit_scale$/,
  /\.position_ids$/,
];

const VISION_RENAMES: readonly (readonly [RegExp, string])[] = [
  [/^visual_encoder\.cls_token$/, "vision_model.embeddings.class_embedding"],
  [/^visual_encoder\.pos_embed$/, "vision_model.embeddings.position_embedding"],
  [/^visual_encoder\.patch_embed\.proj\./, "vision_model.embeddings.patch_embedding."],
  [/^visual_encoder\.blocks\.(\d+)\.norm([12])\./, "vision_model.encoder.layers.$1.layer_norm$2."],
  [/^visual_encoder\.blocks\.(\d+)\.attn\.qkv\./, "vision_model.encoder.layers.$1.self_attn.qkv."],
  [/^visual_encoder\.blocks\.(\d+)\.attn\.proj\./, "vision_model.encoder.layers.$1.self_attn.projection."],
  [/^visual_encoder\.blocks\.(\d+)\.mlp\./, "vision_model.encoder.layers.$1.mlp."],
  [/^visual_encoder\.norm\./, "vision_model.post_layernorm."],
];

/** Which layout the tensor names follow; undefined where they are not BLIP's. */
export function layoutOf(names: Iterable<string>): Layout | undefined {
  for (const name of names) {
    if (name.startsWith("vision_model.")) return "huggingface";
    if (name.startsWith("visual_encoder.")) return "original";
  }
  return undefined;
}

/** Whether a tensor belongs to training only and may be skipped by name. */
export function isTrainingOnly(name: string): boolean {
  return TRAINING_ONLY.some((pattern) => pattern.test(name));
}

/** Hugging Face's name of an original tensor. Text towers and heads have the same names in both layouts. */
export function canonicalName(name: string): string {
  for (const [pattern, replacement] of VISION_RENAMES) {
    if (pattern.test(name)) return name.replace(pattern, replacement);
  }
  return name;
}

/** Tensors by canonical (Hugging Face) name, without what belongs to training only. */
export function canonicalTensors(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const result = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (!isTrainingOnly(name)) result.set(canonicalName(name), tensor);
  }
  return result;
}
