import {
  add,
  cast,
  concat,
  createGraph,
  expand,
  gatherRows,
  gemm,
  type Graph,
  l2Normalize,
  multiply,
  reshape,
  shapeOf,
  transpose,
  type Value,
} from "@medley/onnx";
import type { Blip } from "../checkpoint/open-blip.ts";
import { gridSide, imageTokenCount } from "../geometry.ts";
import type { Weights } from "../weights.ts";
import { attend, linear, mergeHeads, norm, perceptron, type Scope, splitHeads } from "./layers.ts";

/**
 * The vision transformer (BLIP models/vit.py), from pixels to image tokens. B pictures, S side in pixels, T tokens, D width, E
 * embedding dimensions.
 * input  pixels       uint8   [B, S, S, 3], RGB as resized; scale, mean and standard deviation are applied here
 * output tokens       float32 [B, T, D], after the final LayerNorm; token 0 is [CLS]
 * output storedTokens float16 [B, T, D], the same for the token store
 * output embedding    float32 [B, E], L2 norm 1; only where the checkpoint has retrieval heads
 */
export function imageEncoderGraph(blip: Blip, weights: Weights): Graph {
  const { vision, embeddingDimensions } = blip;
  const g = createGraph("image-encoder");
  const scope: Scope = { g, weights };
  const side = vision.imagePixels;
  const pixels = g.input("pixels", "uint8", ["images", side, side, 3]);
  const batch = shapeOf(g, pixels, 0, 1);
  const tokens = imageTokenCount(vision);
  const { width } = vision;

  let x = g.scope("embeddings", () => embedPatches(scope, blip, pixels, batch));
  for (let index = 0; index < vision.layers; index++) {
    x = g.scope(`layers.${index}`, () => visionLayer(scope, blip, `vision_model.encoder.layers.${index}`, x, batch));
  }
  x = norm(scope, "vision_model.post_layernorm", x, vision.layerNormEpsilon); // [B * T, D]
  const result = reshape(g, x, [-1, tokens, width], ["images", tokens, width]);
  g.output("tokens", result);
  g.output("storedTokens", cast(g, result, "float16"));
  if (embeddingDimensions) {
    const first = g.constant(Int32Array.of(0), []);
    const byToken = transpose(g, result, [1, 0, 2]); // [T, B, D]
    const cls = gatherRows(g, byToken, first); // [B, D]
    g.output("embedding", l2Normalize(g, linear(scope, "vision_proj", cls, "few")));
  }
  return g.finish();
}

/** Pixels [B, S, S, 3] -> rows [B * T, D]: patch convolution as one product, [CLS] in front, positions added. */
function embedPatches(scope: Scope, blip: Blip, pixels: Value, batch: Value): Value {
  const { g, weights } = scope;
  const { vision, preprocessor } = blip;
  const grid = gridSide(vision);
  const p = vision.patchPixels;
  const { width } = vision;
  const used = grid * p;
  const cropped = used === vision.imagePixels ? pixels : crop(scope, pixels, used);
  const cut = reshape(g, cropped, [-1, grid, p, grid, p, 3], ["images", grid, p, grid, p, 3]);
  const patches = transpose(g, cut, [0, 1, 3, 5, 2, 4]); // [B, grid, grid, 3, p, p], as Conv2d's kernel is laid out
  const rows = cast(g, reshape(g, patches, [-1, 3 * p * p], ["patches", 3 * p * p]), "float32");
  const perChannel = (value: (channel: number) => number): Value =>
    g.constant(
      Float32Array.from({ length: 3 * p * p }, (_, index) => value(Math.floor(index / (p * p)))),
      [3 * p * p],
    );
  const { rescaleFactor, mean, std } = preprocessor;
  const scaled = multiply(
    g,
    rows,
    perChannel((c) => rescaleFactor / (std[c] as number)),
  );
  const normalised = add(
    g,
    scaled,
    perChannel((c) => -(mean[c] as number) / (std[c] as number)),
  );
  const kernel = weights.use(g, "vision_model.embeddings.patch_embedding.weight", [width, 3 * p * p]);
  const bias = weights.use(g, "vision_model.embeddings.patch_embedding.bias");
  const embedded = reshape(
    g,
    gemm(g, normalised, kernel, bias),
    [-1, grid * grid, width],
    ["images", grid * grid, width],
  );
  const ones = g.constant(BigInt64Array.of(1n, BigInt(width)), [2]);
  const clsShape = concat(g, [batch, ones], 0, 3);
  const classToken = weights.use(g, "vision_model.embeddings.class_embedding");
  const cls = expand(g, classToken, clsShape, ["images", 1, width]);
  const tokens = concat(g, [cls, embedded], 1, grid * grid + 1);
  const positioned = add(g, tokens, weights.use(g, "vision_model.embeddings.position_embedding"));
  return reshape(g, positioned, [-1, width], ["imageRows", width]);
}

/** Drops the pixels right and below that do not fill a patch, as an unpadded convolution does. */
function crop(scope: Scope, pixels: Value, used: number): Value {
  const { g } = scope;
  const bounds = (values: readonly number[]): Value => g.constant(BigInt64Array.from(values, BigInt), [values.length]);
  const shape = ["images", used, used, 3];
  return g.node(
    "Slice",
    [pixels, bounds([0, 0]), bounds([used, used]), bounds([1, 2])],
    [{ elementType: "uint8", shape }],
  )[0] as Value;
}

/** Pre-norm block: x += attention(norm1(x)); x += mlp(norm2(x)). x [B * T, D]. */
function visionLayer(scope: Scope, blip: Blip, name: string, x: Value, batch: Value): Value {
  const { g, weights } = scope;
  const { width, heads, layerNormEpsilon } = blip.vision;
  const names = { batch: "images", length: "imageTokens" };
  const attended = g.scope("attention", () => {
    const normed = norm(scope, `${name}.layer_norm1`, x, layerNormEpsilon);
    // The fused qkv projection is [all q | all k | all v]; each third is used where it lies.
    const part = (index: number, use: "query" | "key" | "value"): Value => {
      const weight = weights.useRows(g, `${name}.self_attn.qkv.weight`, index * width, width);
      const bias = weights.useRows(g, `${name}.self_attn.qkv.bias`, index * width, width);
      return splitHeads(g, gemm(g, normed, weight, bias), batch, names, heads, use);
    };
    const context = attend(g, part(0, "query"), part(1, "key"), part(2, "value"));
    return linear(scope, `${name}.self_attn.projection`, mergeHeads(g, context, "imageRows"), "many");
  });
  const afterAttention = add(g, x, attended);
  const expanded = g.scope("mlp", () => {
    const normed = norm(scope, `${name}.layer_norm2`, afterAttention, layerNormEpsilon);
    return perceptron(scope, `${name}.mlp.fc1`, `${name}.mlp.fc2`, normed, "many");
  });
  return add(g, afterAttention, expanded);
}
