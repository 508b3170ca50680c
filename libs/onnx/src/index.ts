export { CheckpointError, type CheckpointErrorCode } from "./checkpoint/checkpoint-error.ts";
export { type Checkpoint, openCheckpoint } from "./checkpoint/open-checkpoint.ts";
export { type ElementType, elementCount, elementWidthBytes } from "./element-type.ts";
export { readTensor, type StoredTensor, type TensorElements } from "./checkpoint/stored-tensor.ts";
export {
  createGraph,
  type Attribute,
  type Dimension,
  type Graph,
  type GraphBuilder,
  type GraphNode,
  type Initializer,
  type Value,
} from "./graph/graph.ts";
export {
  add,
  cast,
  concat,
  expand,
  gatherRows,
  gelu,
  gemm,
  int64,
  l2Normalize,
  layerNormalization,
  logSoftmax,
  matmul,
  multiply,
  one,
  reshape,
  scalar,
  shapeOf,
  slice,
  sliceDynamic,
  softmax,
  transpose,
} from "./graph/operators.ts";
export { externalFolder, onnxDataType, writeModel } from "./graph/write-model.ts";
