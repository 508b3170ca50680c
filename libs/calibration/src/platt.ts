/** A score and the truth that it speaks about: of a pair, whether picture and text belong together. */
export interface LabelledScore {
  readonly score: number;
  readonly matches: boolean;
}

/** Match probability = 1 / (1 + exp(-(slope * score + offset))). */
export interface PlattCalibration {
  readonly slope: number;
  readonly offset: number;
}

/** The probability that a calibration gives a score, 0..1. */
export function probabilityOf({ slope, offset }: PlattCalibration, score: number): number {
  return 1 / (1 + Math.exp(-(slope * score + offset)));
}

const MOST_STEPS = 100;
const ENOUGH = 1e-9;

/**
 * Platt scaling: logistic regression of two numbers by Newton's method, with Platt's softened targets, which keep the slope finite where the
 * classes part cleanly (Platt 1999; Lin, Lin and Weng 2007). Both classes weigh the same, however many examples they have: the probability is that of a
 * pair which is as likely to match as not before anyone looks.
 * @returns null where one class is missing or the scores say nothing (a slope of 0 or less)
 */
export function fitPlatt(examples: readonly LabelledScore[]): PlattCalibration | null {
  const positives = examples.filter(({ matches }) => matches).length;
  const negatives = examples.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const points = examples.map(({ score, matches }) => ({
    score,
    target: matches ? high : low,
    weight: 0.5 / (matches ? positives : negatives),
  }));
  let [slope, offset] = [0, 0];
  let loss = lossOf(points, slope, offset);
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const { gradient, hessian } = derivatives(points, slope, offset);
    const determinant = hessian.slope * hessian.offset - hessian.both ** 2;
    if (!(determinant > 0)) break;
    const move = {
      slope: (hessian.offset * gradient.slope - hessian.both * gradient.offset) / determinant,
      offset: (hessian.slope * gradient.offset - hessian.both * gradient.slope) / determinant,
    };
    let share = 1;
    let next = lossOf(points, slope - move.slope, offset - move.offset);
    // Newton's step can be too long far from the minimum.
    while (next > loss && share > 1e-6) {
      share /= 2;
      next = lossOf(points, slope - share * move.slope, offset - share * move.offset);
    }
    slope -= share * move.slope;
    offset -= share * move.offset;
    if (loss - next < ENOUGH) break;
    loss = next;
  }
  return slope > 0 && Number.isFinite(offset) ? { slope, offset } : null;
}

interface Point {
  readonly score: number;
  readonly target: number;
  /** All add up to 1. */
  readonly weight: number;
}

/** Mean cross-entropy; log(1 + exp(x)) without overflow. */
function lossOf(points: readonly Point[], slope: number, offset: number): number {
  return points.reduce((sum, { score, target, weight }) => {
    const x = slope * score + offset;
    return sum + weight * (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - target * x);
  }, 0);
}

function derivatives(points: readonly Point[], slope: number, offset: number) {
  const gradient = { slope: 0, offset: 0 };
  // A trace of regularisation keeps the matrix invertible where all scores are equal.
  const hessian = { slope: 1e-9, offset: 1e-9, both: 0 };
  for (const { score, target, weight } of points) {
    const probability = probabilityOf({ slope, offset }, score);
    const error = weight * (probability - target);
    const curvature = weight * probability * (1 - probability);
    gradient.slope += error * score;
    gradient.offset += error;
    hessian.slope += curvature * score * score;
    hessian.offset += curvature;
    hessian.both += curvature * score;
  }
  return { gradient, hessian };
}
