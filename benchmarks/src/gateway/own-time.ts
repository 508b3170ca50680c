/** From and to, in milliseconds. */
export type Interval = readonly [from: number, to: number];

/** How much of a span none of the intervals covers. */
export function uncovered([from, to]: Interval, intervals: readonly Interval[]): number {
  let reached = from;
  let free = 0;
  for (const [start, end] of [...intervals].sort((one, other) => one[0] - other[0])) {
    if (end <= reached || start >= to) continue;
    free += Math.max(0, start - reached);
    reached = Math.min(to, end);
  }
  return free + (to - reached);
}

/** The value that a share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
