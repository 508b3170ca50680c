import {
  type BootstrapDifference,
  bootstrapDifference,
  type BootstrapInterval,
  bootstrapInterval,
} from "@medley/evaluation";

/** So many pictures of an answer are looked at. */
export const LOOKED_AT = 10;
const RESAMPLES = 10_000;

/** What one way of asking reached for one query. */
export interface Precision {
  /** Right pictures among the first ten. */
  readonly hits: number;
  /** hits / 10: at most rightCount / 10. */
  readonly precisionAt10: number;
  /** hits / min(10, rightCount): 1 when no picture of the ten could have been better chosen. */
  readonly bounded: number;
}

export function precisionOf(ranked: readonly string[], right: readonly string[]): Precision {
  const wanted = new Set(right);
  const hits = ranked.slice(0, LOOKED_AT).filter((picture) => wanted.has(picture)).length;
  return { hits, precisionAt10: hits / LOOKED_AT, bounded: hits / Math.min(LOOKED_AT, right.length) };
}

/** Mean over queries, and how much other queries of the same kind could change it. */
export function meanOf(values: readonly number[]): BootstrapInterval {
  return bootstrapInterval(values, { resamples: RESAMPLES });
}

/** Mean of the difference of two ways on the same queries. */
export function differenceOf(first: readonly number[], second: readonly number[]): BootstrapDifference {
  return bootstrapDifference(first, second, { resamples: RESAMPLES });
}
