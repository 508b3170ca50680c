import { add, createGraph, gelu, type Graph, int64, logSoftmax, one, shapeOf, slice, type Value } from "@medley/onnx";
import type { Blip } from "../checkpoint/open-blip.ts";
import type { Weights } from "../weights.ts";
import { type CrossKeysValues, crossAttention } from "./cross-attention.ts";
import { leftProduct, linear, norm } from "./layers.ts";
import { keysValuesInputs, towerOf } from "./matcher.ts";
import { embedTokens, feedForward, selfAttention, type TextTower } from "./text-layers.ts";

/**
 * Image-grounded text decoder (LM) with a key/value cache: n new tokens after t cached ones, for B rows (N sources times the
 * beams of each, which lie together). The first call has t = 0 and the prompt; every further call n = 1.
 * input  ids          int32   [B, n]
 * input  start        int64   [1], = t
 * input  mask         float32 [n, t + n], 0 where a token may look and a large negative number where not
 * input  order        int32   [B]: row of the cache that each row continues (beam search); ignored length t = 0
 * input  pastKeys.i, pastValues.i float32 [B', H, t, d]
 * input  keys.i, values.i         cross-attention, as `keysValuesGraph` makes them
 * output logits       float32 [B, V] of the last new token
 * output presentKeys.i, presentValues.i float32 [B, H, t + n, d]
 */
export function decoderGraph(blip: Blip, weights: Weights): Graph {
  const g = createGraph("decoder");
  const tower = towerOf(blip, weights, g, "decoder");
  const { text } = tower;
  const headWidth = text.width / text.heads;
  const ids = g.input("ids", "int32", ["texts", "tokens"]);
  const start = g.input("start", "int64", [1]);
  const mask = g.input("mask", "float32", ["tokens", "allTokens"]);
  const order = g.input("order", "int32", ["texts"]);
  const sources = keysValuesInputs(tower);
  const past = Array.from({ length: text.layers }, (_, index) => ({
    keys: g.input(`pastKeys.${index}`, "float32", ["pastTexts", text.heads, "pastTokens", headWidth]),
    values: g.input(`pastValues.${index}`, "float32", ["pastTexts", text.heads, "pastTokens", headWidth]),
  }));
  const batch = shapeOf(g, ids, 0, 1);
  const reorder = (cache: Value): Value =>
    one(g, "Gather", [cache, order], ["texts", text.heads, "pastTokens", headWidth], { axis: 0 });

  let rows = embedTokens(tower, ids, start);
  for (let index = 0; index < text.layers; index++) {
    rows = g.scope(`layers.${index}`, () => {
      const cached = past[index] as { keys: Value; values: Value };
      const attended = selfAttention(tower, index, {
        rows,
        queries: rows,
        batch,
        mask,
        past: { keys: reorder(cached.keys), values: reorder(cached.values) },
      });
      g.output(`presentKeys.${index}`, attended.present.keys);
      g.output(`presentValues.${index}`, attended.present.values);
      const crossed = crossAttention(tower, index, attended.rows, sources[index] as CrossKeysValues);
      return feedForward(tower, index, crossed);
    });
  }
  const target = one(g, "Concat", [batch, int64(g, [-1, text.width])], [3], { axis: 0 });
  const byText = one(g, "Reshape", [rows, target], ["texts", "tokens", text.width]);
  const last = one(g, "Gather", [byText, g.constant(BigInt64Array.of(-1n), [])], ["texts", text.width], { axis: 1 });
  g.output("logits", languageHead(tower, blip, last));
  return g.finish();
}

/**
 * Log-probabilities of given texts (VQA by ranking): every token but the first is a target of the one before it.
 * input  ids  int32   [B, n], [DEC] answer [SEP], equal lengths
 * input  mask float32 [n - 1, n - 1], causal
 * input  keys.i, values.i
 * output logProbabilities float32 [B, n - 1], natural logarithm, of ids[:, 1:]
 */
export function scorerGraph(blip: Blip, weights: Weights): Graph {
  const g = createGraph("scorer");
  const tower = towerOf(blip, weights, g, "decoder");
  const { text } = tower;
  const ids = g.input("ids", "int32", ["texts", "tokens"]);
  const mask = g.input("mask", "float32", ["tokens", "tokens"]);
  const sources = keysValuesInputs(tower);
  const batch = shapeOf(g, ids, 0, 1);
  const inputs = slice(g, ids, 1, 0, -1, "tokens");
  const targets = slice(g, ids, 1, 1, Number.MAX_SAFE_INTEGER, "tokens");
  let rows = embedTokens(tower, inputs);
  for (let index = 0; index < text.layers; index++) {
    rows = g.scope(`layers.${index}`, () => {
      const attended = selfAttention(tower, index, { rows, queries: rows, batch, mask }).rows;
      return feedForward(tower, index, crossAttention(tower, index, attended, sources[index] as CrossKeysValues));
    });
  }
  const logProbabilities = logSoftmax(g, languageHead(tower, blip, rows)); // [B * (n - 1), V]
  const column = one(g, "Reshape", [targets, int64(g, [-1, 1])], ["rows", 1]);
  const chosen = one(g, "GatherElements", [logProbabilities, column], ["rows", 1], { axis: 1 });
  const target = one(g, "Concat", [batch, int64(g, [-1])], [2], { axis: 0 });
  g.output("logProbabilities", one(g, "Reshape", [chosen, target], ["texts", "tokens"]));
  return g.finish();
}

/** Dense, exact GELU, LayerNorm, then the output matrix: rows [R, D] -> logits [R, V] (models/med.py:501). */
function languageHead(tower: TextTower, blip: Blip, rows: Value): Value {
  const { g, weights, text } = tower;
  const root = "text_decoder.cls.predictions";
  return g.scope("head", () => {
    const transformed = gelu(g, linear(tower, `${root}.transform.dense`, rows, "few"));
    const normed = norm(tower, `${root}.transform.LayerNorm`, transformed, text.layerNormEpsilon);
    const own = blip.tensors.has(`${root}.decoder.weight`);
    const matrix = own ? `${root}.decoder.weight` : `${tower.root}.embeddings.word_embeddings.weight`;
    const bias = blip.tensors.has(`${root}.decoder.bias`) ? `${root}.decoder.bias` : `${root}.bias`;
    return add(g, leftProduct(tower, weights.use(g, matrix), normed), weights.use(g, bias));
  });
}
