import { EvaluationError } from "../evaluation-error.ts";

/**
 * Area under the receiver operating characteristic: the chance that a positive scores above a negative, a tie counting as half
 * (Mann-Whitney U divided by the number of pairs). In [0, 1]; 1/2 is guessing. Exact, in O(n log n).
 * For "nothing matches": best score of each query that the pictures answer, and of each that they do not.
 */
export function areaUnderCurve(positives: readonly number[], negatives: readonly number[]): number {
  requireScores("positives", positives);
  requireScores("negatives", negatives);
  const ascending = (left: number, right: number) => (left < right ? -1 : Number(left > right));
  const below = Float64Array.from(negatives).sort(ascending);
  let pairsWon = 0;
  for (const score of positives) {
    // Negatives before the first are below the positive; those from it up to the second are its equals.
    const equalFrom = firstAtLeast(below, score);
    pairsWon += equalFrom + (firstAbove(below, score) - equalFrom) / 2;
  }
  return pairsWon / (positives.length * negatives.length);
}

function requireScores(name: string, scores: readonly number[]): void {
  if (scores.length === 0) {
    throw new EvaluationError(
      "EMPTY",
      `There are 0 ${name}, expected at least 1 of each kind. Add queries of that kind.`,
    );
  }
  const wrong = scores.findIndex(Number.isNaN);
  if (wrong < 0) return;
  throw new EvaluationError(
    "BAD_INPUT",
    `Score ${wrong} of the ${name} is NaN, expected a number. Check the model's output.`,
  );
}

function firstAtLeast(sorted: Float64Array, score: number): number {
  return firstWhere(sorted, (value) => value >= score);
}

function firstAbove(sorted: Float64Array, score: number): number {
  return firstWhere(sorted, (value) => value > score);
}

/** Position of the first value that holds, by halving; all after it hold too. The length when none does. */
function firstWhere(sorted: Float64Array, holds: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle] ?? Number.NaN)) high = middle;
    else low = middle + 1;
  }
  return low;
}
