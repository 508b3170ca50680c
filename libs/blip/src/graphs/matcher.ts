import { cast, createGraph, type Graph, type GraphBuilder, matmul, reshape, shapeOf, transpose } from "@medley/onnx";
import type { Blip } from "../checkpoint/open-blip.ts";
import { imageTokenCount } from "../geometry.ts";
import type { Weights } from "../weights.ts";
import {
  type AbsorbedTokens,
  absorbedCrossAttention,
  type CrossKeysValues,
  crossAttention,
  crossAttentionProbabilities,
  crossKeysValues,
} from "./cross-attention.ts";
import { linear, reshapeDynamic } from "./layers.ts";
import { encoderTower } from "./text-encoder.ts";
import { embedTokens, feedForward, firstTokens, selfAttention, type TextTower } from "./text-layers.ts";

/**
 * One text against K images (re-rank), image-grounded text encoder with absorbed cross-attention.
 * The text's first self-attention is computed once and shared; the last layer computes only the row that is read.
 * input  ids    int32   [1, L], [ENC] ... [SEP], not padded
 * input  tokens float16 or float32 [K, T, C], image tokens
 * output logits float32 [K, 2], index 1 is "match"
 */
export function rerankerGraph(blip: Blip, weights: Weights, tokenType: "float16" | "float32"): Graph {
  const g = createGraph("reranker");
  const tower = encoderTower(blip, weights, g);
  const ids = g.input("ids", "int32", [1, "tokens"]);
  const image = imageTokensInput(blip, g, tokenType);
  const single = g.constant(BigInt64Array.of(1n), [1]);
  const { layers } = tower.text;

  let rows = embedTokens(tower, ids); // [L, D] until the first cross-attention, [K * L, D] after it
  for (let index = 0; index < layers; index++) {
    rows = g.scope(`layers.${index}`, () => {
      const batch = index === 0 ? single : image.count;
      const queries = index === layers - 1 ? firstTokens(tower, rows, batch) : rows;
      const attended = selfAttention(tower, index, { rows, queries, batch }).rows;
      return feedForward(tower, index, absorbedCrossAttention(tower, index, attended, image, index === 0));
    });
  }
  g.output("logits", linear(tower, "itm_head", rows, "few"));
  return g.finish();
}

/**
 * Where a text's tokens look in K images: the probabilities of one layer's cross-attention, averaged over chosen tokens. The layers before it are those of
 * `rerankerGraph`; nothing behind it is computed.
 * @param layer  index from 0 of the matcher's layer that is read
 * input  ids       int32   [1, L], [ENC] ... [SEP], not padded
 * input  means     float32 [M, L]: each row weighs the tokens of one mean, and sums to 1
 * input  tokens    float16 or float32 [K, T, C], image tokens
 * output attention float32 [K, H, M, T], sums to 1 over T; image token 0 is [CLS], the others are the patches by rows
 */
export function evidenceGraph(blip: Blip, weights: Weights, layer: number, tokenType: "float16" | "float32"): Graph {
  const g = createGraph("evidence");
  const tower = encoderTower(blip, weights, g);
  if (!(layer >= 0 && layer < tower.text.layers)) throw new Error(`Bug: the matcher has no layer ${layer}.`);
  const ids = g.input("ids", "int32", [1, "tokens"]);
  const means = g.input("means", "float32", ["means", "tokens"]);
  const image = imageTokensInput(blip, g, tokenType);
  const single = g.constant(BigInt64Array.of(1n), [1]);
  let rows = embedTokens(tower, ids); // as in rerankerGraph
  for (let index = 0; index <= layer; index++) {
    rows = g.scope(`layers.${index}`, () => {
      const batch = index === 0 ? single : image.count;
      const attended = selfAttention(tower, index, { rows, queries: rows, batch }).rows;
      if (index < layer)
        return feedForward(tower, index, absorbedCrossAttention(tower, index, attended, image, index === 0));
      const probabilities = crossAttentionProbabilities(tower, index, attended, image, index === 0); // [K, H, L, T]
      g.output("attention", matmul(g, means, probabilities)); // [K, H, M, T]
      return attended;
    });
  }
  return g.finish();
}

/** Declares the input "tokens" [K, T, C] and prepares it for the absorbed form. */
function imageTokensInput(blip: Blip, g: GraphBuilder, tokenType: "float16" | "float32"): AbsorbedTokens {
  const stored = g.input("tokens", tokenType, ["images", imageTokenCount(blip.vision), blip.vision.width]);
  const tokens = cast(g, stored, "float32");
  return { tokens, transposed: transpose(g, tokens, [0, 2, 1]), count: shapeOf(g, tokens, 0, 1) };
}

/**
 * Cross-attention keys and values of every layer, once per source.
 * @param tower which text tower reads the source
 * input  states  float16 or float32 [N, S, C]: image tokens, or question states for a VQA decoder
 * output keys.i  float32 [N, H, d, S]; values.i float32 [N, H, S, d]
 */
export function keysValuesGraph(
  blip: Blip,
  weights: Weights,
  tower: "encoder" | "decoder",
  stateType: "float16" | "float32",
): Graph {
  const g = createGraph(`${tower}-keys-values`);
  const text = towerOf(blip, weights, g, tower);
  const stored = g.input("states", stateType, ["sources", "sourceTokens", text.text.crossWidth]);
  const states = cast(g, stored, "float32");
  const batch = shapeOf(g, states, 0, 1);
  const rows = reshape(g, states, [-1, text.text.crossWidth], ["sourceRows", text.text.crossWidth]);
  for (let index = 0; index < text.text.layers; index++) {
    const { keys, values } = g.scope(`layers.${index}`, () => crossKeysValues(text, index, rows, batch));
    g.output(`keys.${index}`, keys);
    g.output(`values.${index}`, values);
  }
  return g.finish();
}

/**
 * Image-grounded text encoder over precomputed keys and values: many texts of equal length L against each of N images
 * (the caption filter), or a question whose states a decoder reads. The texts of one image lie together.
 * input  ids    int32   [N * R, L], [ENC] ... [SEP]
 * input  keys.i, values.i as `keysValuesGraph` makes them
 * output logits float32 [N * R, 2]     for readout "match"
 * output states float32 [N * R, L, D]  for readout "states"
 */
export function groundedEncoderGraph(blip: Blip, weights: Weights, readout: "match" | "states"): Graph {
  const g = createGraph(`grounded-encoder-${readout}`);
  const tower = encoderTower(blip, weights, g);
  const ids = g.input("ids", "int32", ["texts", "tokens"]);
  const batch = shapeOf(g, ids, 0, 1);
  const sources = keysValuesInputs(tower);
  const { layers, width } = tower.text;
  let rows = embedTokens(tower, ids);
  for (let index = 0; index < layers; index++) {
    rows = g.scope(`layers.${index}`, () => {
      const last = readout === "match" && index === layers - 1;
      const queries = last ? firstTokens(tower, rows, batch) : rows;
      const attended = selfAttention(tower, index, { rows, queries, batch }).rows;
      return feedForward(tower, index, crossAttention(tower, index, attended, sources[index] as CrossKeysValues));
    });
  }
  if (readout === "match") g.output("logits", linear(tower, "itm_head", rows, "few"));
  else g.output("states", reshapeDynamic(g, rows, [batch, -1, width], ["texts", "tokens", width]));
  return g.finish();
}

/** Declares the inputs keys.i and values.i of every layer of a tower. */
export function keysValuesInputs(tower: TextTower): readonly CrossKeysValues[] {
  const { g, text } = tower;
  const headWidth = text.width / text.heads;
  return Array.from({ length: text.layers }, (_, index) => ({
    keys: g.input(`keys.${index}`, "float32", ["sources", text.heads, headWidth, "sourceTokens"]),
    values: g.input(`values.${index}`, "float32", ["sources", text.heads, "sourceTokens", headWidth]),
  }));
}

/** A text tower by its part in the model. */
export function towerOf(blip: Blip, weights: Weights, g: TextTower["g"], tower: "encoder" | "decoder"): TextTower {
  if (tower === "encoder") return encoderTower(blip, weights, g);
  if (!blip.textDecoder) throw new Error(`Bug: ${blip.name} has no text decoder.`);
  return { g, weights, root: "text_decoder.bert", text: blip.textDecoder };
}
