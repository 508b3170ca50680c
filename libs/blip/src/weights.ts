import { cast, type GraphBuilder, readTensor, type StoredTensor, type Value } from "@medley/onnx";
import type { Blip } from "./checkpoint/open-blip.ts";
import { gridSide } from "./geometry.ts";
import { interpolatePositions } from "./interpolate-positions.ts";

/** Gives graphs the checkpoint's tensors as float32 values. */
export interface Weights {
  /**
   * A tensor by its Hugging Face name. fp32 is referred to in place; fp16 and bf16 are cast inside the graph.
   * @param shape regroups the elements, as [768, 3, 16, 16] to [768, 768]
   */
  use(g: GraphBuilder, name: string, shape?: readonly number[]): Value;
  /** A tensor in its stored format, for operators that read few of its rows. */
  useStored(g: GraphBuilder, name: string): Value;
  /** Rows [first, first + rows) of a matrix or vector, in place: one third of a fused qkv projection. */
  useRows(g: GraphBuilder, name: string, first: number, rows: number): Value;
}

/**
 * Prepares the weights of a checkpoint for graphs. Only what cannot be referred to in place is read: tensors with gaps
 * between their elements, float64, and a position embedding that must be interpolated.
 */
export async function loadWeights(blip: Blip): Promise<Weights> {
  const read = new Map<string, { readonly data: Float32Array; readonly shape: readonly number[] }>();
  for (const [name, tensor] of blip.tensors) {
    if (!tensor.contiguous || tensor.elementType === "float64") {
      read.set(name, { data: await readFloats(tensor), shape: tensor.shape });
    }
  }
  const side = gridSide(blip.vision);
  if (side !== blip.storedGridSide) {
    const name = "vision_model.embeddings.position_embedding";
    const stored = await readFloats(tensorOf(blip, name));
    const data = interpolatePositions(stored, blip.vision.width, blip.storedGridSide, side);
    read.set(name, { data, shape: [1, side * side + 1, blip.vision.width] });
  }
  return {
    use(g, name, shape) {
      const kept = read.get(name);
      if (kept) return g.constant(kept.data, shape ?? kept.shape);
      const tensor = tensorOf(blip, name);
      return cast(g, g.external(tensor, shape ?? tensor.shape), "float32");
    },
    useStored(g, name) {
      const kept = read.get(name);
      return kept ? g.constant(kept.data, kept.shape) : g.external(tensorOf(blip, name));
    },
    useRows(g, name, first, rows) {
      const tensor = tensorOf(blip, name);
      const rest = tensor.shape.slice(1);
      const rowElements = rest.reduce((product, size) => product * size, 1);
      const kept = read.get(name);
      if (kept) return g.constant(kept.data.slice(first * rowElements, (first + rows) * rowElements), [rows, ...rest]);
      const rowBytes = tensor.lengthBytes / (tensor.shape[0] ?? 1);
      const part: StoredTensor = {
        ...tensor,
        name: `${name}/${first}`,
        shape: [rows, ...rest],
        offsetBytes: tensor.offsetBytes + first * rowBytes,
        lengthBytes: rows * rowBytes,
      };
      return cast(g, g.external(part), "float32");
    },
  };
}

async function readFloats(tensor: StoredTensor): Promise<Float32Array> {
  const data = await readTensor(tensor);
  return data instanceof Float32Array ? data : Float32Array.from(data as Float64Array);
}

function tensorOf(blip: Blip, name: string): StoredTensor {
  const tensor = blip.tensors.get(name);
  if (!tensor) throw new Error(`Bug: a graph asks for tensor "${name}", which the checkpoint was not checked for.`);
  return tensor;
}
