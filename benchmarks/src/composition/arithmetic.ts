/**
 * The vector of a search as vector databases compose it (Marqo's weighted queries, Weaviate's moveTo and moveAwayFrom): the wanted vectors added, the unwanted ones taken away,
 * scaled to length 1. All are of length 1 before.
 * @param awayWeight  what an unwanted vector counts against a wanted one, 0..1
 */
export function composeVectors(
  wanted: readonly Float32Array[],
  unwanted: readonly Float32Array[],
  awayWeight: number,
): Float32Array {
  const [first] = wanted;
  if (first === undefined) throw new Error("No vector is wanted, expected at least one. Give a clause of all or any.");
  const sum = first.map((_, axis) => total(wanted, axis) - awayWeight * total(unwanted, axis));
  const length = Math.hypot(...sum);
  if (length === 0) throw new Error("The unwanted vectors cancel the wanted ones: there is no direction to search in.");
  return sum.map((value) => value / length);
}

function total(vectors: readonly Float32Array[], axis: number): number {
  return vectors.reduce((sum, vector) => sum + (vector[axis] ?? Number.NaN), 0);
}
