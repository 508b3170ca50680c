/**
 * Rows as int8 with a scale each: the largest number of a row becomes `largest`, the others follow.
 * @param vectors [rows, dimensions]
 * @param codes   [dimensions, columns], filled from column `from` on
 * @param scales  [columns], likewise
 */
export function quantiseRows(
  vectors: Float32Array,
  dimensions: number,
  largest: number,
  { codes, scales, from }: { codes: Int8Array; scales: Float32Array; from: number },
): void {
  const columns = scales.length;
  for (let row = 0; row < vectors.length / dimensions; row += 1) {
    const start = row * dimensions;
    let greatest = 0;
    for (let axis = 0; axis < dimensions; axis += 1) {
      greatest = Math.max(greatest, Math.abs(vectors[start + axis] as number));
    }
    const column = from + row;
    scales[column] = greatest / largest;
    const steps = greatest === 0 ? 0 : largest / greatest;
    for (let axis = 0; axis < dimensions; axis += 1) {
      codes[axis * columns + column] = Math.round((vectors[start + axis] as number) * steps);
    }
  }
}

/** All of int8 but -128, so that a code has its opposite. */
export const FULL_RANGE = 127;
/**
 * On processors without VNNI the runtime adds two products of uint8 and int8 in 16 bits and cuts what does not fit: 2 x 255 x 127 does not, 2 x 255 x 64
 * does (onnxruntime's `x64quantprecision`).
 */
export const SAFE_RANGE = 63;
