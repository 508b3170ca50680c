import { createGraph, type Graph, l2Normalize, shapeOf } from "@medley/onnx";
import type { Blip } from "../checkpoint/open-blip.ts";
import type { Weights } from "../weights.ts";
import { linear } from "./layers.ts";
import { embedTokens, feedForward, firstTokens, selfAttention, type TextTower } from "./text-layers.ts";

/** The encoder tower of a checkpoint that has one. */
export function encoderTower(blip: Blip, weights: Weights, g: TextTower["g"]): TextTower {
  if (!blip.textEncoder) throw new Error(`Bug: ${blip.name} has no text encoder.`);
  return { g, weights, root: "text_encoder", text: blip.textEncoder };
}

/**
 * Unimodal text encoder (ITC): cross-attention is left out with its LayerNorm (models/med.py:350). B texts of equal length L.
 * input  ids       int32   [B, L], [CLS] ... [SEP], not padded
 * output embedding float32 [B, E], L2 norm 1
 */
export function textEncoderGraph(blip: Blip, weights: Weights): Graph {
  const g = createGraph("text-encoder");
  const tower = encoderTower(blip, weights, g);
  const ids = g.input("ids", "int32", ["texts", "tokens"]);
  const batch = shapeOf(g, ids, 0, 1);
  let rows = embedTokens(tower, ids);
  for (let index = 0; index < tower.text.layers; index++) {
    rows = g.scope(`layers.${index}`, () => {
      // Only the first token is read, so the last layer computes only its row.
      const last = index === tower.text.layers - 1;
      const queries = last ? firstTokens(tower, rows, batch) : rows;
      return feedForward(tower, index, selfAttention(tower, index, { rows, queries, batch }).rows);
    });
  }
  g.output("embedding", l2Normalize(g, linear(tower, "text_proj", rows, "few")));
  return g.finish();
}
