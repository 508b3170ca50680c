import type { StoredTensor } from "../checkpoint/stored-tensor.ts";
import { type ElementType, elementCount, elementWidthBytes } from "../element-type.ts";

/** A size known when the graph is built, or the name of one known only when it runs ("batch", "tokens"). */
export type Dimension = number | string;

/** A tensor inside a graph. */
export interface Value {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly Dimension[];
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** Empty for the standard operators, "com.microsoft" for ONNX Runtime's own. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant: bytes inside the graph, or a place in a checkpoint file that the runtime maps. */
export type Initializer =
  | {
      readonly kind: "inline";
      readonly name: string;
      readonly elementType: ElementType;
      readonly shape: readonly number[];
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "external";
      readonly name: string;
      readonly tensor: StoredTensor;
      readonly shape: readonly number[];
    };

/** A finished graph as plain data; `writeModel` turns it into ONNX bytes. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
}

/** Collects nodes and constants while a graph is being written. Operators live in operators.ts. */
export interface GraphBuilder {
  input(name: string, elementType: ElementType, shape: readonly Dimension[]): Value;
  /** Declares `value` as an output called `name`. */
  output(name: string, value: Value): void;
  /**
   * Adds one node. Most callers want a function of operators.ts, which knows the result's shape.
   * @param results element type and shape of each output
   */
  node(
    operator: string,
    inputs: readonly (Value | undefined)[],
    results: readonly { readonly elementType: ElementType; readonly shape: readonly Dimension[] }[],
    attributes?: Readonly<Record<string, Attribute>>,
    domain?: string,
  ): readonly Value[];
  /** A constant stored inside the graph; equal constants are stored once. */
  constant(data: Float32Array | BigInt64Array | Int32Array | Uint8Array, shape: readonly number[]): Value;
  /** A checkpoint tensor, by reference to its place in the file. `shape` may regroup its elements (same count). */
  external(tensor: StoredTensor, shape?: readonly number[]): Value;
  /** Node names made by `build` carry this path in front, as in "layers.0/attention/MatMul_3". */
  scope<T>(path: string, build: () => T): T;
  finish(): Graph;
}

/** Starts an empty graph. */
export function createGraph(name: string): GraphBuilder {
  const inputs: Value[] = [];
  const outputs: Value[] = [];
  const nodes: GraphNode[] = [];
  const initializers = new Map<string, Initializer>();
  const constantNames = new Map<string, Value>();
  const path: string[] = [];
  let counter = 0;

  const unique = (label: string): string => [...path, `${label}_${counter++}`].join("/");

  return {
    input(inputName, elementType, shape) {
      const value: Value = { name: inputName, elementType, shape };
      inputs.push(value);
      return value;
    },
    output(outputName, value) {
      const named: Value = { ...value, name: outputName };
      nodes.push({
        name: `output/${outputName}`,
        operator: "Identity",
        domain: "",
        inputs: [value.name],
        outputs: [outputName],
        attributes: {},
      });
      outputs.push(named);
    },
    node(operator, nodeInputs, results, attributes = {}, domain = "") {
      const nodeName = unique(operator);
      const values = results.map((result, index) => ({
        name: results.length === 1 ? nodeName : `${nodeName}:${index}`,
        ...result,
      }));
      nodes.push({
        name: nodeName,
        operator,
        domain,
        inputs: nodeInputs.map((value) => value?.name ?? ""),
        outputs: values.map((value) => value.name),
        attributes,
      });
      return values;
    },
    constant(data, shape) {
      if (elementCount(shape) !== data.length) {
        throw new Error(`Bug: constant of shape [${shape}] was given ${data.length} elements.`);
      }
      const elementType = elementTypeOf(data);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const key = bytes.length <= 256 ? `${elementType}[${shape}]${Buffer.from(bytes).toString("hex")}` : undefined;
      const known = key === undefined ? undefined : constantNames.get(key);
      if (known) return known;
      const value: Value = { name: `constant_${counter++}`, elementType, shape };
      initializers.set(value.name, { kind: "inline", name: value.name, elementType, shape, data: bytes });
      if (key !== undefined) constantNames.set(key, value);
      return value;
    },
    external(tensor, shape = tensor.shape) {
      if (!tensor.contiguous || elementCount(shape) * elementWidthBytes(tensor.elementType) !== tensor.lengthBytes) {
        throw new Error(
          `Bug: tensor "${tensor.name}" with shape [${tensor.shape}] cannot be referred to as [${shape}] in place.`,
        );
      }
      const valueName = `${tensor.name}[${shape.join(",")}]`;
      if (!initializers.has(valueName))
        initializers.set(valueName, { kind: "external", name: valueName, tensor, shape });
      return { name: valueName, elementType: tensor.elementType, shape };
    },
    scope(segment, build) {
      path.push(segment);
      try {
        return build();
      } finally {
        path.pop();
      }
    },
    finish: () => ({ name, inputs, outputs, nodes, initializers: [...initializers.values()] }),
  };
}

function elementTypeOf(data: Float32Array | BigInt64Array | Int32Array | Uint8Array): ElementType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof BigInt64Array) return "int64";
  return data instanceof Int32Array ? "int32" : "uint8";
}
