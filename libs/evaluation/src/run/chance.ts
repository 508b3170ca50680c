/**
 * What guessing reaches: figures of a random order of `size` candidates, averaged over queries with the given numbers of right
 * ones. They are exact, not sampled.
 */
export interface ChanceOfRanks {
  /** Probability that a right one is among the first k. */
  readonly recallAt: (k: number) => number;
  /** Smallest rank that at least half of the queries reach on average. */
  readonly medianRank: number;
  readonly meanReciprocalRank: number;
}

export function chanceOfRanks(size: number, rightCounts: readonly number[]): ChanceOfRanks {
  const queriesByCount = Map.groupBy(rightCounts, (count) => count);
  // missed[k]: mean probability that none of the first k is right.
  const missed = new Float64Array(size + 1);
  for (const [right, { length }] of queriesByCount) {
    let none = length / rightCounts.length;
    for (let k = 0; k <= size; k++) {
      missed[k] = (missed[k] as number) + none;
      none *= Math.max(0, size - right - k) / Math.max(1, size - k);
    }
  }
  const recallAt = (k: number) => 1 - (missed[Math.min(k, size)] as number);
  let medianRank = 1;
  while (medianRank < size && recallAt(medianRank) < 0.5 - 1e-12) medianRank += 1;
  let meanReciprocalRank = 0;
  for (let k = 1; k <= size; k++) meanReciprocalRank += (recallAt(k) - recallAt(k - 1)) / k;
  return { recallAt, medianRank, meanReciprocalRank };
}
