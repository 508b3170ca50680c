import { add, cast, gatherRows, int64, one, reshape, shapeOf, sliceDynamic, type Value } from "@medley/onnx";
import type { TextGeometry } from "../geometry.ts";
import { attend, linear, mergeHeads, norm, perceptron, type Scope, splitHeads } from "./layers.ts";

/** One text tower inside a graph: its tensor names' root ("text_encoder" or "text_decoder.bert") and its geometry. */
export interface TextTower extends Scope {
  readonly root: string;
  readonly text: TextGeometry;
}

/** Keys and values of earlier tokens of a decoder, per layer: keys [B, H, t, d], values [B, H, t, d]. */
export interface Past {
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Token ids [B, L] -> rows [B * L, D]: LN(word + position). No segment embeddings (models/med.py:52).
 * @param start int64 [1], position of the first token; 0 when absent
 */
export function embedTokens(tower: TextTower, ids: Value, start?: Value): Value {
  const { g, weights, root, text } = tower;
  return g.scope("embeddings", () => {
    // Rows are gathered in the stored format and widened afterwards: the table is the largest tensor of a text tower.
    const table = weights.useStored(g, `${root}.embeddings.word_embeddings.weight`);
    const words = cast(g, gatherRows(g, table, ids), "float32"); // [B, L, D]
    const first = start ?? int64(g, [0]);
    const length = shapeOf(g, ids, 1, 2);
    const end = start ? one(g, "Add", [start, length], [1]) : length;
    const places = weights.use(g, `${root}.embeddings.position_embeddings.weight`);
    const positions = sliceDynamic(g, places, 0, first, end, "tokens"); // [L, D]
    const summed = reshape(g, add(g, words, positions), [-1, text.width], ["rows", text.width]);
    return norm(tower, `${root}.embeddings.LayerNorm`, summed, text.layerNormEpsilon);
  });
}

/** Name of a layer's tensors. */
export function layerName(tower: TextTower, index: number): string {
  return `${tower.root}.encoder.layer.${index}`;
}

/** Where the queries of a layer come from: every row, or the first token of each text only. */
export interface SelfAttentionInput {
  /** Rows [B * L, D] that keys and values come from. */
  readonly rows: Value;
  /** Rows that ask: the same, or [B, D] when only the first token's result is read. */
  readonly queries: Value;
  /** Number of texts, int64 [1]. */
  readonly batch: Value;
  /** Added to the scores: the decoder's causal mask [N, S]. */
  readonly mask?: Value;
  readonly past?: Past;
}

/** Self-attention with its residual and LayerNorm (post-norm): queries -> rows of the same shape, and the new keys/values. */
export function selfAttention(
  tower: TextTower,
  index: number,
  input: SelfAttentionInput,
): { readonly rows: Value; readonly present: Past } {
  const { g, text } = tower;
  const name = `${layerName(tower, index)}.attention`;
  return g.scope("attention", () => {
    const names = { batch: "texts", length: "tokens" };
    const project = (part: string, rows: Value, use: "query" | "key" | "value"): Value =>
      splitHeads(g, linear(tower, `${name}.self.${part}`, rows, "few"), input.batch, names, text.heads, use);
    const q = project("query", input.queries, "query");
    const newKeys = project("key", input.rows, "value"); // [B, H, N, d], as it is kept
    const newValues = project("value", input.rows, "value");
    const headWidth = text.width / text.heads;
    const grow = (past: Value | undefined, fresh: Value): Value =>
      past ? one(g, "Concat", [past, fresh], ["texts", text.heads, "allTokens", headWidth], { axis: 2 }) : fresh;
    const keys = grow(input.past?.keys, newKeys);
    const values = grow(input.past?.values, newValues);
    const length = keys.shape[2] as string;
    const transposedShape = ["texts", text.heads, headWidth, length];
    const transposed = one(g, "Transpose", [keys], transposedShape, { perm: [0, 1, 3, 2] });
    const context = mergeHeads(g, attend(g, q, transposed, values, input.mask), "rows");
    const projected = linear(tower, `${name}.output.dense`, context, "few");
    const rows = norm(tower, `${name}.output.LayerNorm`, add(g, projected, input.queries), text.layerNormEpsilon);
    return { rows, present: { keys, values } };
  });
}

/** Feed-forward sub-layer with residual and LayerNorm: rows [R, D] -> [R, D]. */
export function feedForward(tower: TextTower, index: number, rows: Value): Value {
  const { g, text } = tower;
  const name = layerName(tower, index);
  return g.scope("feed-forward", () => {
    const expanded = perceptron(tower, `${name}.intermediate.dense`, `${name}.output.dense`, rows, "few");
    return norm(tower, `${name}.output.LayerNorm`, add(g, expanded, rows), text.layerNormEpsilon);
  });
}

/** The first token's row of each text: rows [B * L, D] -> [B, D]. `batch` is int64 [1]. */
export function firstTokens(tower: TextTower, rows: Value, batch: Value): Value {
  const { g, text } = tower;
  const minusOne = int64(g, [-1]);
  const width = int64(g, [text.width]);
  const target = one(g, "Concat", [batch, minusOne, width], [3], { axis: 0 });
  const byText = one(g, "Reshape", [rows, target], ["texts", "tokens", text.width]); // [B, L, D]
  return one(g, "Gather", [byText, g.constant(BigInt64Array.of(0n), [])], ["texts", text.width], { axis: 1 });
}
