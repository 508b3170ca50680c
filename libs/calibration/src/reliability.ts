/** A probability that was given before the truth was known, and the truth. */
export interface Prediction {
  readonly probability: number;
  readonly holds: boolean;
}

/** Predictions of similar probability. */
export interface ReliabilityBin {
  /** Weighted mean of the probabilities. */
  readonly predicted: number;
  /** Weighted share of those that hold. */
  readonly observed: number;
  readonly count: number;
}

export interface Reliability {
  /** From low to high probability, empty ones left out: BINS of equal width over 0..1. */
  readonly bins: readonly ReliabilityBin[];
  /** Mean distance of predicted and observed over the bins, by their weight; 0 is perfect. */
  readonly expectedCalibrationError: number;
  readonly positives: number;
  readonly negatives: number;
}

const BINS = 10;

/**
 * The reliability curve and the expected calibration error (Naeini, Cooper and Hauskrecht 2015). Both classes weigh the same, however many examples
 * they have, as in fitPlatt: the probabilities are those of something that is as likely to hold as not before anyone looks.
 * @returns null where one class is missing
 */
export function reliabilityOf(predictions: readonly Prediction[]): Reliability | null {
  const positives = predictions.filter(({ holds }) => holds).length;
  const negatives = predictions.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const weightOf = ({ holds }: Prediction) => 0.5 / (holds ? positives : negatives);
  const groups = Map.groupBy(predictions, ({ probability }) => Math.min(BINS - 1, Math.floor(probability * BINS)));
  const bins = [...groups]
    .sort(([left], [right]) => left - right)
    .map(([, members]) => {
      const weight = sum(members.map(weightOf));
      return {
        predicted: sum(members.map((each) => weightOf(each) * each.probability)) / weight,
        observed: sum(members.filter(({ holds }) => holds).map(weightOf)) / weight,
        count: members.length,
        weight,
      };
    });
  const error = sum(bins.map(({ predicted, observed, weight }) => weight * Math.abs(predicted - observed)));
  const shown = bins.map(({ predicted, observed, count }) => ({ predicted, observed, count }));
  return { bins: shown, expectedCalibrationError: error, positives, negatives };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
