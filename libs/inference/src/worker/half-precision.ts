import * as ort from "onnxruntime-node";

/**
 * Makes float16 tensors take and give Uint16Array, the form that onnxruntime-node's native side reads.
 *
 * onnxruntime-common 1.30 switches to Float16Array where the runtime has one (Node 24), but the binding does not know that type
 * and sees 0 bytes ("not enough space: expected 1632, got 0"). The library decides when its first tensor is made, so that one is
 * made while Float16Array is out of sight. Remove when the binding reads Float16Array.
 */
export function useUint16ForHalfPrecision(): void {
  const scope = globalThis as { Float16Array?: unknown };
  const known = Object.getOwnPropertyDescriptor(scope, "Float16Array");
  if (!known) return;
  delete scope.Float16Array;
  try {
    new ort.Tensor("float32", Float32Array.of(0), [1]);
  } finally {
    Object.defineProperty(scope, "Float16Array", known);
  }
}
