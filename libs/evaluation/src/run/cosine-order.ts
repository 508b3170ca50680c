/** Vectors of norm 1 in one block, row by row. */
export interface Gallery {
  /** float32 [count, dimensions] */
  readonly values: Float32Array;
  readonly count: number;
  readonly dimensions: number;
}

export function createGallery(vectors: readonly Float32Array[]): Gallery {
  const dimensions = vectors[0]?.length ?? 0;
  const values = new Float32Array(vectors.length * dimensions);
  for (const [row, vector] of vectors.entries()) values.set(vector, row * dimensions);
  return { values, count: vectors.length, dimensions };
}

/** itcCosine of the query with every row: float32 [count]. */
export function cosinesOf({ values, count, dimensions }: Gallery, query: Float32Array): Float32Array {
  const cosines = new Float32Array(count);
  for (let row = 0, at = 0; row < count; row++) {
    let sum = 0;
    for (let place = 0; place < dimensions; place++, at++) sum += (values[at] as number) * (query[place] as number);
    cosines[row] = sum;
  }
  return cosines;
}

/** Rows of the highest scores, best first; equal scores keep the order of the rows. */
export function topRows(scores: Float32Array, limit: number): number[] {
  const count = Math.min(limit, scores.length);
  if (count === 0) return [];
  // Sorting numbers alone is many times faster than sorting rows by them, and COCO has 25,010 rows for each of 5,000 queries.
  const least = scores.slice().sort()[scores.length - count] as number;
  const rows: number[] = [];
  for (let row = 0; row < scores.length; row++) if ((scores[row] as number) >= least) rows.push(row);
  return rows.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b).slice(0, count);
}
