import { endianness } from "node:os";
import { type ElementType, elementCount, elementWidthBytes } from "../element-type.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { withFile } from "./opened-file.ts";
import { quote } from "./quote.ts";

/** One tensor where it lies in a file, little-endian: nothing of it is read or copied. */
export interface StoredTensor {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** In elements, never negative; 0 where a dimension is expanded. */
  readonly strides: readonly number[];
  /** Row-major without gaps: the bytes can be used as they lie. */
  readonly contiguous: boolean;
  /** Absolute, with symbolic links resolved. */
  readonly file: string;
  /** Of element [0, 0, ...]. Not always a multiple of the element size. */
  readonly offsetBytes: number;
  /** From the first to past the last element; for a tensor that is not contiguous this is its span, gaps included. */
  readonly lengthBytes: number;
}

/** Elements in row-major order; float16 and bfloat16 arrive as Float32Array, bool as Uint8Array of 0 and 1. */
export type TensorElements =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

// The largest tensor of BLIP-L takes 125 MB. Beyond this a false shape (an expanded dimension costs its maker no bytes)
// is likelier than a real tensor, and the memory would be missed by everything else.
const MAX_TENSOR_BYTES = 2 ** 31;

/** Reads one tensor into memory that the caller owns. Opens and closes the file. */
export async function readTensor(tensor: StoredTensor): Promise<TensorElements> {
  if (endianness() !== "LE")
    throw new CheckpointError("UNSUPPORTED", "Checkpoints are read on little-endian machines only");
  const sizeBytes = elementCount(tensor.shape) * elementWidthBytes(tensor.elementType);
  const neededBytes = Math.max(sizeBytes, tensor.lengthBytes);
  if (neededBytes > MAX_TENSOR_BYTES) {
    throw new CheckpointError(
      "TOO_LARGE",
      `Tensor ${quote(tensor.name)} with shape ${quote(tensor.shape)} takes ${neededBytes} bytes to read, ` +
        `the limit is ${MAX_TENSOR_BYTES}`,
    );
  }
  const { buffer } = await withFile(tensor.file, (file) => file.read(tensor.offsetBytes, tensor.lengthBytes));
  const elements = decodeElements(tensor.elementType, buffer as ArrayBuffer);
  return tensor.contiguous ? elements : gather(elements, tensor);
}

export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= Math.max(shape[axis] ?? 1, 1);
  }
  return strides;
}

/** True when the elements lie in row-major order without gaps. The stride of a dimension of size 1 does not matter. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = rowMajorStrides(shape);
  return shape.includes(0) || shape.every((size, axis) => size === 1 || strides[axis] === expected[axis]);
}

function decodeElements(elementType: ElementType, buffer: ArrayBuffer): TensorElements {
  switch (elementType) {
    case "float64":
      return new Float64Array(buffer);
    case "float32":
      return new Float32Array(buffer);
    case "float16":
      return widen(new Uint16Array(buffer), float16ToFloat32);
    case "bfloat16":
      return widen(new Uint16Array(buffer), bfloat16ToFloat32);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
      return new Uint8Array(buffer);
    case "bool":
      return new Uint8Array(buffer).map((byte) => (byte === 0 ? 0 : 1));
    default: {
      const unknown: never = elementType;
      throw new Error(`Bug: element type ${unknown} has no decoder`);
    }
  }
}

/** Works on bit patterns, so that infinities and NaN payloads come through unchanged. */
function widen(halves: Uint16Array, toFloat32Bits: (half: number) => number): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) bits[index] = toFloat32Bits(halves[index] ?? 0);
  return new Float32Array(bits.buffer);
}

function bfloat16ToFloat32(half: number): number {
  return half << 16;
}

function float16ToFloat32(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f80_0000 | (fraction << 13); // infinity, NaN
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13); // bias 15 -> 127
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // subnormal: fraction * 2 ** -24 is normal in float32
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** Copies a strided view into row-major order. */
function gather(source: TensorElements, { shape, strides }: StoredTensor): TensorElements {
  const count = elementCount(shape);
  const gathered = new (source.constructor as new (length: number) => TensorElements)(count);
  const position = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    gathered[to] = source[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      const stride = strides[axis] ?? 0;
      const next = (position[axis] ?? 0) + 1;
      if (next < size) {
        position[axis] = next;
        from += stride;
        break;
      }
      position[axis] = 0;
      from -= stride * (size - 1);
    }
  }
  return gathered;
}
