import { createGraph, type Graph, l2Normalize } from "@medley/onnx";
import type { Blip } from "../checkpoint/open-blip.ts";
import type { Weights } from "../weights.ts";
import { linear } from "./layers.ts";

/**
 * The ITC embedding of images whose tokens are already there; of patches too, which lie in the same space as far as training made them (evidence maps).
 * input  cls       float32 [B, D], token 0 of each image, or patches
 * output embedding float32 [B, E], L2 norm 1
 */
export function tokenEmbeddingGraph(blip: Blip, weights: Weights): Graph {
  const g = createGraph("token-embedding");
  const cls = g.input("cls", "float32", ["images", blip.vision.width]);
  g.output("embedding", l2Normalize(g, linear({ g, weights }, "vision_proj", cls, "few")));
  return g.finish();
}
