import { randomSource } from "../random-source.ts";

export const DIMENSIONS = 256;
const CENTRES = 400;
/** Noise of a number, where the numbers of a centre have 1: neighbours of a query are in its cluster, and the order within is dense. */
const SPREAD = 0.7;

/** Unit vectors around 400 centres, [rows, 256]; the same for the same seed. */
export function clusteredVectors(rows: number, seed: number): Float32Array {
  const centres = normals(CENTRES * DIMENSIONS, 1);
  const random = randomSource(seed);
  const vectors = normals(rows * DIMENSIONS, seed + 1_000);
  for (let row = 0; row < rows; row += 1) {
    const centre = Math.floor(random() * CENTRES) * DIMENSIONS;
    const start = row * DIMENSIONS;
    let squares = 0;
    for (let axis = 0; axis < DIMENSIONS; axis += 1) {
      const value = (centres[centre + axis] as number) + SPREAD * (vectors[start + axis] as number);
      vectors[start + axis] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    for (let axis = start; axis < start + DIMENSIONS; axis += 1) vectors[axis] = (vectors[axis] as number) / length;
  }
  return vectors;
}

export function vectorAt(vectors: Float32Array, row: number): Float32Array {
  return vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
}

function normals(count: number, seed: number): Float32Array {
  const random = randomSource(seed);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    values[index] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
  return values;
}

/** The cosine of the query's `limit`-th nearest row among those that pass: every row one by one. */
export function cosineOfLast(
  vectors: Float32Array,
  query: Float32Array,
  limit: number,
  passes: (row: number) => boolean,
): number {
  const cosines: number[] = [];
  for (let row = 0; row < vectors.length / DIMENSIONS; row += 1) {
    if (passes(row)) cosines.push(dot(query, vectors, row * DIMENSIONS));
  }
  return Float64Array.from(cosines).sort().at(-limit) ?? -1;
}

export function dot(query: Float32Array, vectors: Float32Array, start: number): number {
  let sum = 0;
  for (let axis = 0; axis < DIMENSIONS; axis += 1) sum += (query[axis] as number) * (vectors[start + axis] as number);
  return sum;
}
