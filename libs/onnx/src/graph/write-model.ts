import { relative, sep } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from "onnx-buf";
import type { ElementType } from "../element-type.ts";
import type { Attribute, Dimension, Graph, Initializer, Value } from "./graph.ts";

// Opset 20 is the first with Gelu; every ONNX Runtime since 1.18 runs it. IR version 9 belongs to it.
const OPSET_VERSION = 20n;
const IR_VERSION = 9n;

const DATA_TYPE: Readonly<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  int16: TensorProto_DataType.INT16,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** ONNX's number for an element type, as the Cast operator wants it. */
export function onnxDataType(elementType: ElementType): number {
  return DATA_TYPE[elementType];
}

/** The folder that external initialisers are named relative to: the deepest one that holds every file of the graph. */
export function externalFolder(graph: Graph): string | undefined {
  const files = graph.initializers.flatMap((one) => (one.kind === "external" ? [one.tensor.file] : []));
  const [first, ...rest] = files.map((file) => file.split(sep).slice(0, -1));
  if (!first) return undefined;
  let depth = first.length;
  for (const parts of rest) {
    let same = 0;
    while (same < depth && parts[same] === first[same]) same++;
    depth = same;
  }
  return first.slice(0, depth).join(sep) || sep;
}

/**
 * Writes a graph as ONNX. External initialisers are (location, offset, length) into the checkpoint files themselves, so the
 * bytes hold structure only (about 100 kB for BLIP base) and the runtime maps the weights.
 * @param folder that the locations are relative to; the runtime must be told the same one
 */
export function writeModel(graph: Graph, folder: string): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "medley",
    opsetImport: [
      { domain: "", version: OPSET_VERSION },
      { domain: "com.microsoft", version: 1n },
    ],
    graph: {
      name: graph.name,
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
      initializer: graph.initializers.map((initializer) => tensorProto(initializer, folder)),
      node: graph.nodes.map((node) => ({
        name: node.name,
        opType: node.operator,
        domain: node.domain,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
      })),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function valueInfo(value: Value) {
  return {
    name: value.name,
    type: {
      value: {
        case: "tensorType" as const,
        value: { elemType: DATA_TYPE[value.elementType], shape: { dim: value.shape.map(dimension) } },
      },
    },
  };
}

function dimension(size: Dimension) {
  return typeof size === "number"
    ? { value: { case: "dimValue" as const, value: BigInt(size) } }
    : { value: { case: "dimParam" as const, value: size } };
}

function tensorProto(initializer: Initializer, folder: string) {
  const dims = initializer.shape.map(BigInt);
  if (initializer.kind === "inline") {
    const rawData = Uint8Array.from(initializer.data);
    return { name: initializer.name, dims, dataType: DATA_TYPE[initializer.elementType], rawData };
  }
  const { tensor } = initializer;
  return {
    name: initializer.name,
    dims,
    dataType: DATA_TYPE[tensor.elementType],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: "location", value: relative(folder, tensor.file) },
      { key: "offset", value: String(tensor.offsetBytes) },
      { key: "length", value: String(tensor.lengthBytes) },
    ],
  };
}

function attributeProto(name: string, value: Attribute) {
  if (typeof value === "string") {
    return { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if (typeof value === "number") return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  if ("float" in value) return { name, type: AttributeProto_AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}
