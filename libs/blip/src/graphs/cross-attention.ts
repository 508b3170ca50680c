import { add, matmul, multiply, one, reshape, scalar, softmax, transpose, type Value } from "@medley/onnx";
import { attend, linear, mergeHeads, norm, reshapeDynamic, splitHeads, timesTransposed } from "./layers.ts";
import { layerName, type TextTower } from "./text-layers.ts";

/** Keys [N, H, d, T] and values [N, H, T, d] of one layer's cross-attention, computed once per source. */
export interface CrossKeysValues {
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Keys and values of one layer from a source (image tokens, or question states).
 * @param rows  [N * T, C]
 * @param batch int64 [1], N
 */
export function crossKeysValues(tower: TextTower, index: number, rows: Value, batch: Value): CrossKeysValues {
  const { g, text } = tower;
  const name = `${layerName(tower, index)}.crossattention.self`;
  const names = { batch: "sources", length: "sourceTokens" };
  return g.scope("crossattention", () => ({
    keys: splitHeads(g, linear(tower, `${name}.key`, rows, "many"), batch, names, text.heads, "key"),
    values: splitHeads(g, linear(tower, `${name}.value`, rows, "many"), batch, names, text.heads, "value"),
  }));
}

/**
 * Cross-attention over precomputed keys and values. The rows of one source lie together, so that several texts (or beams)
 * of an image share its keys and values without repeating them.
 * @param rows [N * n, D], n rows per source
 */
export function crossAttention(tower: TextTower, index: number, rows: Value, source: CrossKeysValues): Value {
  const { g, text } = tower;
  return withResidual(tower, index, rows, (query) => {
    const batch = g.node("Shape", [source.keys], [{ elementType: "int64", shape: [1] }], {
      start: 0,
      end: 1,
    })[0] as Value;
    const names = { batch: "sources", length: "rowsPerSource" };
    const q = splitHeads(g, query, batch, names, text.heads, "query");
    return mergeHeads(g, attend(g, q, source.keys, source.values), "rows");
  });
}

/** Image tokens as the absorbed form reads them: raw, and once transposed for the scores. */
export interface AbsorbedTokens {
  /** [K, T, C] */
  readonly tokens: Value;
  /** [K, C, T] */
  readonly transposed: Value;
  /** int64 [1], K */
  readonly count: Value;
}

/**
 * Cross-attention that never makes keys and values of the image: with q = x Wq + bq,
 *   scores  (q Wk) · tokens      the key bias adds a constant per query, which softmax cancels
 *   context (p · tokens) Wvᵀ + bv because the probabilities p sum to 1
 * Exact; cheaper than projecting T tokens for short texts (break-even near 64 text tokens).
 * @param rows   [K * n, D], or [n, D] shared by all K images
 * @param shared whether the rows are one text that all images share (before the first cross-attention)
 */
export function absorbedCrossAttention(
  tower: TextTower,
  index: number,
  rows: Value,
  image: AbsorbedTokens,
  shared: boolean,
): Value {
  const { g, weights, text } = tower;
  const { heads, width, crossWidth } = text;
  const headWidth = width / heads;
  const name = `${layerName(tower, index)}.crossattention.self`;
  return withResidual(
    tower,
    index,
    rows,
    (query) => {
      const probabilities = absorbedProbabilities(tower, index, query, image, shared);
      const pooled = one(g, "MatMul", [probabilities, image.tokens], ["images", "headRows", crossWidth]);
      const split = reshapeDynamic(
        g,
        pooled,
        [image.count, heads, -1, crossWidth],
        ["images", heads, "tokens", crossWidth],
      );
      const byHeadAgain = reshape(
        g,
        transpose(g, split, [1, 0, 2, 3]),
        [heads, -1, crossWidth],
        [heads, "rows", crossWidth],
      );
      const valueWeight = weights.use(g, `${name}.value.weight`, [heads, headWidth, crossWidth]);
      const context = timesTransposed(g, byHeadAgain, valueWeight); // [H, K * n, d]
      const merged = reshape(g, transpose(g, context, [1, 0, 2]), [-1, width], ["rows", width]);
      return add(g, merged, weights.use(g, `${name}.value.bias`));
    },
    shared ? image.count : undefined,
  );
}

/**
 * How much each row looks at each image token in one layer's cross-attention, and nothing else of that layer.
 * @param rows   as of `absorbedCrossAttention`
 * @returns      [K, H, n, T], sums to 1 over T
 */
export function crossAttentionProbabilities(
  tower: TextTower,
  index: number,
  rows: Value,
  image: AbsorbedTokens,
  shared: boolean,
): Value {
  const { g, text } = tower;
  return g.scope("crossattention", () => {
    const query = linear(tower, `${layerName(tower, index)}.crossattention.self.query`, rows, "few");
    const probabilities = absorbedProbabilities(tower, index, query, image, shared);
    const parts = [image.count, text.heads, -1, image.tokens.shape[1] as number];
    return reshapeDynamic(g, probabilities, parts, ["images", text.heads, "tokens", image.tokens.shape[1] as number]);
  });
}

/** Queries [K * n, D], or [n, D] shared by all K images -> probabilities [K, H * n, T]. */
function absorbedProbabilities(
  tower: TextTower,
  index: number,
  query: Value,
  image: AbsorbedTokens,
  shared: boolean,
): Value {
  const { g, weights, text } = tower;
  const { heads, width, crossWidth } = text;
  const headWidth = width / heads;
  const scaled = multiply(g, query, scalar(g, 1 / Math.sqrt(headWidth)));
  const byHead = transpose(g, reshape(g, scaled, [-1, heads, headWidth], ["rows", heads, headWidth]), [1, 0, 2]);
  const name = `${layerName(tower, index)}.crossattention.self.key.weight`;
  const absorbed = matmul(g, byHead, weights.use(g, name, [heads, headWidth, crossWidth])); // [H, K * n, C]
  const queries = shared
    ? reshape(g, absorbed, [1, -1, crossWidth], [1, "headRows", crossWidth])
    : groupByImage(tower, absorbed, image.count); // [K or 1, H * n, C]
  return softmax(g, one(g, "MatMul", [queries, image.transposed], ["images", "headRows", "imageTokens"]));
}

/** [H, K * n, C] -> [K, H * n, C] */
function groupByImage(tower: TextTower, absorbed: Value, count: Value): Value {
  const { g, text } = tower;
  const { heads, crossWidth } = text;
  const split = reshapeDynamic(g, absorbed, [heads, count, -1, crossWidth], [heads, "images", "tokens", crossWidth]);
  const byImage = transpose(g, split, [1, 0, 2, 3]);
  return reshapeDynamic(g, byImage, [count, -1, crossWidth], ["images", "headRows", crossWidth]);
}

/**
 * Query projection in front, output projection, residual and LayerNorm behind.
 * @param repeat int64 [1]: the residual rows are one text that is to be repeated this many times
 */
function withResidual(
  tower: TextTower,
  index: number,
  rows: Value,
  context: (query: Value) => Value,
  repeat?: Value,
): Value {
  const { g, text } = tower;
  const name = `${layerName(tower, index)}.crossattention`;
  return g.scope("crossattention", () => {
    const projected = linear(
      tower,
      `${name}.output.dense`,
      context(linear(tower, `${name}.self.query`, rows, "few")),
      "few",
    );
    const residual = repeat ? repeatRows(tower, rows, repeat) : rows;
    return norm(tower, `${name}.output.LayerNorm`, add(g, projected, residual), text.layerNormEpsilon);
  });
}

/** rows [n, D] -> [K * n, D] */
function repeatRows(tower: TextTower, rows: Value, count: Value): Value {
  const { g, text } = tower;
  const one64 = g.constant(BigInt64Array.of(1n), [1]);
  const repeats = one(g, "Concat", [count, one64], [2], { axis: 0 });
  return one(g, "Tile", [rows, repeats], ["rows", text.width]);
}
