/** Arithmetic mean; NaN of no values, so callers refuse those before. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
