import { EvaluationError } from "../evaluation-error.ts";

export interface BootstrapOptions {
  /** How often the items are drawn anew, at least 2. Default 1,000: the ends of a 95 % interval vary by about a tenth of its width. */
  readonly resamples?: number;
  /** Whole number; the same seed gives the same interval. Default 1. */
  readonly seed?: number;
  /** Share of resamples inside the interval, in (0, 1). Default 0.95. */
  readonly level?: number;
}

export interface BootstrapInterval {
  /** The statistic of the items as they are. */
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly resamples: number;
}

export interface BootstrapDifference extends BootstrapInterval {
  /** Share of resamples in which the first system is not better (a tie is half), in [0, 1]: near 0 it is surely better, near 1 worse. */
  readonly shareNotBetter: number;
}

/** A figure of a whole selection of items, given as their positions; the array is used again after the call. */
export type Statistic = (indices: Uint32Array) => number;

/**
 * Percentile bootstrap (Efron, 1979) of the mean: items are drawn with replacement, as many as there are, and the interval holds
 * the middle `level` of the resamples' means. It says how much other items of the same kind could change the mean; with fewer
 * than about 20 items it is too narrow.
 * @param values  one for each independent item (average several captions of one picture first)
 */
export function bootstrapInterval(values: readonly number[], options: BootstrapOptions = {}): BootstrapInterval {
  return bootstrapStatistic(values.length, meanStatistic(values), options);
}

/**
 * The same for a statistic that is not a mean over items, such as corpus BLEU:
 * `bootstrapStatistic(counts.length, (indices) => bleuOfCounts(Array.from(indices, (index) => counts[index]!))[3])`.
 * @param size  number of items; the statistic gets as many positions, some of them more than once
 */
export function bootstrapStatistic(
  size: number,
  statistic: Statistic,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const settings = readOptions(size, options);
  return intervalOf(statistic(allOf(size)), resample(size, statistic, settings), settings);
}

/**
 * Interval of the mean of `first` minus `second`, two systems' values for the same items. Items are drawn once for both, so that
 * what makes an item hard for both cancels out: narrower than what two separate intervals would suggest.
 */
export function bootstrapDifference(
  first: readonly number[],
  second: readonly number[],
  options: BootstrapOptions = {},
): BootstrapDifference {
  if (first.length !== second.length) {
    throw new EvaluationError(
      "BAD_INPUT",
      `The first system has ${first.length} values and the second ${second.length}, expected as many. Compare systems on the same items.`,
    );
  }
  return bootstrapStatisticDifference(first.length, meanStatistic(first), meanStatistic(second), options);
}

/** The paired variant for statistics that are no means; both get the same positions. */
export function bootstrapStatisticDifference(
  size: number,
  first: Statistic,
  second: Statistic,
  options: BootstrapOptions = {},
): BootstrapDifference {
  const settings = readOptions(size, options);
  const difference: Statistic = (indices) => first(indices) - second(indices);
  const drawn = resample(size, difference, settings);
  return {
    ...intervalOf(difference(allOf(size)), drawn, settings),
    shareNotBetter: shareNotAboveZero(drawn),
  };
}

const DEFAULT_RESAMPLES = 1_000;
const DEFAULT_LEVEL = 0.95;

function readOptions(size: number, options: BootstrapOptions): Required<BootstrapOptions> {
  const { resamples = DEFAULT_RESAMPLES, seed = 1, level = DEFAULT_LEVEL } = options;
  if (size === 0) {
    throw new EvaluationError(
      "EMPTY",
      "There are 0 items to draw from, expected at least 1. Check the data set's split.",
    );
  }
  if (!Number.isInteger(resamples) || resamples < 2) {
    throw new EvaluationError(
      "BAD_INPUT",
      `resamples is ${resamples}, expected a whole number from 2. 1,000 is usual.`,
    );
  }
  if (!Number.isInteger(seed)) {
    throw new EvaluationError("BAD_INPUT", `seed is ${seed}, expected a whole number. Any does; 1 is the default.`);
  }
  if (!(level > 0 && level < 1)) {
    throw new EvaluationError("BAD_INPUT", `level is ${level}, expected a share between 0 and 1. Give 0.95 for 95 %.`);
  }
  return { resamples, seed, level };
}

function meanStatistic(values: readonly number[]): Statistic {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new EvaluationError(
      "BAD_INPUT",
      `Value ${wrong} is ${values[wrong]}, expected a finite number. Check the metric that gave it.`,
    );
  }
  return (indices) => {
    let sum = 0;
    for (const index of indices) sum += values[index] ?? Number.NaN;
    return sum / indices.length;
  };
}

function allOf(size: number): Uint32Array {
  return Uint32Array.from({ length: size }, (_, index) => index);
}

/** The statistic of each resample, in the order drawn. */
function resample(size: number, statistic: Statistic, { resamples, seed }: Required<BootstrapOptions>): Float64Array {
  const random = randomOf(seed);
  const indices = new Uint32Array(size);
  return Float64Array.from({ length: resamples }, () => {
    for (let item = 0; item < size; item++) indices[item] = Math.floor(random() * size);
    return statistic(indices);
  });
}

function intervalOf(
  estimate: number,
  drawn: Float64Array,
  { level, resamples }: Required<BootstrapOptions>,
): BootstrapInterval {
  const sorted = drawn.toSorted();
  return {
    estimate,
    low: quantileOf(sorted, (1 - level) / 2),
    high: quantileOf(sorted, (1 + level) / 2),
    level,
    resamples,
  };
}

/** Numbers in [0, 1) in steps of 2 ** -32: a Weyl sequence through the finaliser of MurmurHash3, enough to draw among millions. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Linear between the two nearest values, as numpy.quantile does by default. */
function quantileOf(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

function shareNotAboveZero(differences: Float64Array): number {
  const lost = differences.reduce((sum, difference) => sum + (difference < 0 ? 1 : difference === 0 ? 0.5 : 0), 0);
  return lost / differences.length;
}
