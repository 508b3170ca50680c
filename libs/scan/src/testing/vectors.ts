/** Unit vectors around some centres, the same for the same seed: what embeddings of pictures are like, and harder than even ones. */
export function clusteredUnitVectors({
  rows,
  dimensions,
  seed,
}: {
  rows: number;
  dimensions: number;
  seed: number;
}): Float32Array {
  const centres = normals(CENTRES * dimensions, 77);
  const noise = normals(rows * dimensions, seed);
  const vectors = new Float32Array(rows * dimensions);
  for (let row = 0; row < rows; row += 1) {
    const centre = ((row * 7_919 + seed) % CENTRES) * dimensions;
    let squares = 0;
    for (let axis = 0; axis < dimensions; axis += 1) {
      const value = (centres[centre + axis] as number) + SPREAD * (noise[row * dimensions + axis] as number);
      vectors[row * dimensions + axis] = value;
      squares += value * value;
    }
    for (let axis = 0; axis < dimensions; axis += 1) {
      vectors[row * dimensions + axis] = (vectors[row * dimensions + axis] as number) / Math.sqrt(squares);
    }
  }
  return vectors;
}

const CENTRES = 40;
const SPREAD = 0.7;

function normals(count: number, seed: number): Float32Array {
  let state = seed >>> 0 || 1;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 4_294_967_297;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** The plain way: every row one by one. Best first. */
export function plainNearest(
  vectors: Float32Array,
  query: Float32Array,
  limit: number,
  passes: (row: number) => boolean = () => true,
): { position: number; cosine: number }[] {
  const all: { position: number; cosine: number }[] = [];
  for (let row = 0; row < vectors.length / query.length; row += 1) {
    if (!passes(row)) continue;
    let cosine = 0;
    for (let axis = 0; axis < query.length; axis += 1) {
      cosine += (vectors[row * query.length + axis] as number) * (query[axis] as number);
    }
    all.push({ position: row, cosine });
  }
  return all.sort((one, other) => other.cosine - one.cosine).slice(0, limit);
}
