import { EvaluationError } from "../evaluation-error.ts";

export interface RetrievalMetrics {
  /** Share of queries, in [0, 1], whose rank is at most 1, 5 or 10. */
  readonly recallAt: { readonly 1: number; readonly 5: number; readonly 10: number };
  /** From 1; lower is better. Half-way between the two middle ranks when the number of queries is even. */
  readonly medianRank: number;
  /** Mean of 1 / rank, in (0, 1]; higher is better. */
  readonly meanReciprocalRank: number;
}

/** @param ranks  place of the right answer of each query, whole numbers from 1 */
export function retrievalMetrics(ranks: readonly number[]): RetrievalMetrics {
  if (ranks.length === 0) {
    throw new EvaluationError(
      "EMPTY",
      "There are 0 queries to average over, expected at least 1. Check the data set's split.",
    );
  }
  const wrong = ranks.findIndex((rank) => !Number.isInteger(rank) || rank < 1);
  if (wrong >= 0) {
    throw new EvaluationError(
      "BAD_INPUT",
      `Rank of query ${wrong} is ${ranks[wrong]}, expected a whole number from 1. Ranks come from ranksOf.`,
    );
  }
  const recall = (depth: number) => ranks.filter((rank) => rank <= depth).length / ranks.length;
  return {
    recallAt: { 1: recall(1), 5: recall(5), 10: recall(10) },
    medianRank: medianOf(ranks),
    meanReciprocalRank: ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length,
  };
}

/**
 * Rank of the best right answer of each query, from 1: one more than the number of wrong candidates that score at least as much.
 * A tie thus counts against us (a model that scores everything alike gets the last place, not the first), and a picture with five
 * captions is found with its best-ranked one, as in BLIP's train_retrieval.py.
 * Candidates that were not scored: give them -Infinity, which is below every score and equal to one another.
 * @param scores   [queries][candidates]; higher is better
 * @param rightOf  for each query the positions of its right candidates, at least one
 */
export function ranksOf(scores: readonly ArrayLike<number>[], rightOf: readonly (readonly number[])[]): number[] {
  if (scores.length !== rightOf.length) {
    throw new EvaluationError(
      "BAD_INPUT",
      `There are ${scores.length} rows of scores and right answers for ${rightOf.length} queries, expected as many. Give one row a query.`,
    );
  }
  return scores.map((row, query) => rankOf(row, new Set(rightOf[query]), query));
}

function rankOf(row: ArrayLike<number>, right: ReadonlySet<number>, query: number): number {
  const best = bestRightScore(row, right, query);
  let rank = 1;
  for (let candidate = 0; candidate < row.length; candidate++) {
    const score = scoreAt(row, candidate, query);
    if (score >= best && !right.has(candidate)) rank++;
  }
  return rank;
}

function bestRightScore(row: ArrayLike<number>, right: ReadonlySet<number>, query: number): number {
  if (right.size === 0) {
    throw new EvaluationError(
      "BAD_INPUT",
      `Query ${query} has 0 right candidates, expected at least 1. Leave queries without an answer to areaUnderCurve.`,
    );
  }
  return Math.max(...[...right].map((candidate) => scoreAt(row, candidate, query)));
}

function scoreAt(row: ArrayLike<number>, candidate: number, query: number): number {
  const score = row[candidate];
  if (score !== undefined && !Number.isNaN(score)) return score;
  throw new EvaluationError(
    "BAD_INPUT",
    `Score of candidate ${candidate} for query ${query} is ${score}, expected a number (${row.length} candidates). Check the right answers and the model.`,
  );
}

function medianOf(ranks: readonly number[]): number {
  const sorted = ranks.toSorted((left, right) => left - right);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
