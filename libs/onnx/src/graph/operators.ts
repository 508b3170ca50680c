import type { ElementType } from "../element-type.ts";
import type { Dimension, GraphBuilder, Value } from "./graph.ts";
import { onnxDataType } from "./write-model.ts";

// One function per ONNX operator (opset 20). Each checks what it can about shapes and states the shape of its result.

/** Matrix product over the last two axes with broadcasting in front: [..., M, K] x [..., K, N] -> [..., M, N]. */
export function matmul(g: GraphBuilder, a: Value, b: Value): Value {
  const inner = a.shape.at(-1);
  if (inner !== b.shape.at(-2)) mismatch("matmul", a, b);
  const batch = a.shape.length >= b.shape.length ? a.shape.slice(0, -2) : b.shape.slice(0, -2);
  return one(g, "MatMul", [a, b], [...batch, dimensionAt(a, -2), dimensionAt(b, -1)]);
}

/** x [M, K] times weight [N, K] transposed, plus bias [N] -> [M, N]: a PyTorch Linear on its stored layout. */
export function gemm(g: GraphBuilder, x: Value, weight: Value, bias?: Value): Value {
  if (x.shape.length !== 2 || weight.shape.length !== 2 || x.shape[1] !== weight.shape[1]) mismatch("gemm", x, weight);
  return one(g, "Gemm", [x, weight, bias], [dimensionAt(x, 0), dimensionAt(weight, 0)], { transB: 1 });
}

/** Element-wise sum with broadcasting; the result has the shape of the operand with more axes (the first when equal). */
export function add(g: GraphBuilder, a: Value, b: Value): Value {
  return one(g, "Add", [a, b], broadcastShape(a, b));
}

export function multiply(g: GraphBuilder, a: Value, b: Value): Value {
  return one(g, "Mul", [a, b], broadcastShape(a, b));
}

export function softmax(g: GraphBuilder, x: Value): Value {
  return one(g, "Softmax", [x], x.shape, { axis: -1 });
}

export function logSoftmax(g: GraphBuilder, x: Value): Value {
  return one(g, "LogSoftmax", [x], x.shape, { axis: -1 });
}

/** Normalises over the last axis. */
export function layerNormalization(g: GraphBuilder, x: Value, scale: Value, bias: Value, epsilon: number): Value {
  if (x.shape.at(-1) !== scale.shape[0]) mismatch("layerNormalization", x, scale);
  return one(g, "LayerNormalization", [x, scale, bias], x.shape, { axis: -1, epsilon: { float: epsilon } });
}

/** The exact (erf) GELU; BLIP never uses the tanh form. */
export function gelu(g: GraphBuilder, x: Value): Value {
  return one(g, "Gelu", [x], x.shape, { approximate: "none" });
}

/**
 * @param target ONNX's rule: 0 keeps the input's axis, one -1 is inferred
 * @param shape  what the result is, as far as it is known
 */
export function reshape(g: GraphBuilder, x: Value, target: readonly number[], shape: readonly Dimension[]): Value {
  return one(g, "Reshape", [x, int64(g, target)], shape);
}

export function transpose(g: GraphBuilder, x: Value, order: readonly number[]): Value {
  return one(
    g,
    "Transpose",
    [x],
    order.map((axis) => dimensionAt(x, axis)),
    { perm: order },
  );
}

/** Rows of `table` [N, D] by index [...] -> [..., D]. */
export function gatherRows(g: GraphBuilder, table: Value, indices: Value): Value {
  return one(g, "Gather", [table, indices], [...indices.shape, ...table.shape.slice(1)], { axis: 0 });
}

/** Elements [start, end) along one axis; `end` may be -1 for all but the last. */
export function slice(
  g: GraphBuilder,
  x: Value,
  axis: number,
  start: number,
  end: number,
  size: Dimension = end - start,
): Value {
  const shape = x.shape.map((dimension, index) => (index === axis ? size : dimension));
  return one(g, "Slice", [x, int64(g, [start]), int64(g, [end]), int64(g, [axis])], shape);
}

/** Like `slice`, with bounds computed in the graph (int64 [1] each). */
export function sliceDynamic(
  g: GraphBuilder,
  x: Value,
  axis: number,
  start: Value,
  end: Value,
  size: Dimension,
): Value {
  const shape = x.shape.map((dimension, index) => (index === axis ? size : dimension));
  return one(g, "Slice", [x, start, end, int64(g, [axis])], shape);
}

export function concat(g: GraphBuilder, values: readonly Value[], axis: number, size: Dimension): Value {
  const [first] = values;
  if (!first) throw new Error("Bug: concat of nothing.");
  const shape = first.shape.map((dimension, index) => (index === axis ? size : dimension));
  return one(g, "Concat", values, shape, { axis });
}

export function cast(g: GraphBuilder, x: Value, to: ElementType): Value {
  if (x.elementType === to) return x;
  return g.node("Cast", [x], [{ elementType: to, shape: x.shape }], { to: onnxDataType(to) })[0] as Value;
}

/** Repeats axes of size 1 to `shape` (an int64 [rank] value); `result` is the shape as far as it is known. */
export function expand(g: GraphBuilder, x: Value, shape: Value, result: readonly Dimension[]): Value {
  return one(g, "Expand", [x, shape], result);
}

/** Sizes [start, end) of x as int64 [end - start]. */
export function shapeOf(g: GraphBuilder, x: Value, start: number, end: number): Value {
  return g.node("Shape", [x], [{ elementType: "int64", shape: [end - start] }], { start, end })[0] as Value;
}

/** x divided by its L2 norm over the last axis. */
export function l2Normalize(g: GraphBuilder, x: Value): Value {
  return one(g, "LpNormalization", [x], x.shape, { axis: -1, p: 2 });
}

/** A constant int64 vector. */
export function int64(g: GraphBuilder, values: readonly number[]): Value {
  return g.constant(BigInt64Array.from(values, BigInt), [values.length]);
}

/** A constant float32 scalar. */
export function scalar(g: GraphBuilder, value: number): Value {
  return g.constant(Float32Array.of(value), []);
}

/** A node with one output of the element type of its first input. */
export function one(
  g: GraphBuilder,
  operator: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly Dimension[],
  attributes: Parameters<GraphBuilder["node"]>[3] = {},
  domain = "",
): Value {
  const elementType = inputs[0]?.elementType ?? "float32";
  return g.node(operator, inputs, [{ elementType, shape }], attributes, domain)[0] as Value;
}

function dimensionAt(x: Value, axis: number): Dimension {
  const dimension = x.shape.at(axis);
  if (dimension === undefined) throw new Error(`Bug: "${x.name}" with shape [${x.shape}] has no axis ${axis}.`);
  return dimension;
}

function broadcastShape(a: Value, b: Value): readonly Dimension[] {
  const [longer, shorter] = a.shape.length >= b.shape.length ? [a.shape, b.shape] : [b.shape, a.shape];
  const offset = longer.length - shorter.length;
  return longer.map((dimension, index) => {
    const other = index < offset ? 1 : (shorter[index - offset] as Dimension);
    if (other === 1 || other === dimension) return dimension;
    if (dimension === 1) return other;
    if (typeof dimension === "number" && typeof other === "number") mismatch("element-wise operation", a, b);
    return dimension;
  });
}

function mismatch(operation: string, a: Value, b: Value): never {
  throw new Error(
    `${operation}: "${a.name}" has shape [${a.shape}], which does not fit "${b.name}" with [${b.shape}].`,
  );
}
