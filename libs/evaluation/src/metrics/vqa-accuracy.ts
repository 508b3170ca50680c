import { EvaluationError } from "../evaluation-error.ts";
import { mean } from "./mean.ts";
import { normaliseAnswer, normalisePunctuation } from "./normalise-answer.ts";

export { normaliseAnswer } from "./normalise-answer.ts";

/** This many agreeing annotators make an answer entirely right. */
const FULL_AGREEMENT = 3;

/**
 * Accuracy of one answer, in [0, 1]: min(1, agreeing annotators / 3), averaged over leaving out each annotator in turn.
 * - From 4 annotators (VQA v2, OK-VQA and VizWiz have 10) it is the official script to the letter: their answers get
 *   `normalisePunctuation` only, and not even that when all wrote the same. An annotator's "Two" thus matches nothing;
 *   VQA v2's files are already normalised.
 * - With 2 or 3 the divisor is the number of the others, so that full agreement is still 1. The script would give at most 1/3 and 2/3.
 * - With 1 (GQA, Visual Genome, synthetic sets) it is 1 when both are equal after `normaliseAnswer`, otherwise 0.
 * With 2 or 3 too, both sides get `normaliseAnswer`.
 */
export function vqaAccuracy(answer: string, annotatorAnswers: readonly string[]): number {
  if (annotatorAnswers.length === 0) {
    throw new EvaluationError(
      "BAD_INPUT",
      `The answer "${answer}" has 0 annotators' answers, expected at least 1. Leave out questions whose answers are kept secret.`,
    );
  }
  const given = normaliseAnswer(answer);
  const agrees = expectedAnswers(annotatorAnswers).map((expected) => expected === given);
  if (agrees.length === 1) return Number(agrees[0]);
  const agreeing = agrees.filter(Boolean).length;
  const needed = Math.min(FULL_AGREEMENT, agrees.length - 1);
  return mean(agrees.map((leftOutAgrees) => Math.min(1, (agreeing - Number(leftOutAgrees)) / needed)));
}

function expectedAnswers(annotatorAnswers: readonly string[]): readonly string[] {
  if (annotatorAnswers.length <= FULL_AGREEMENT) return annotatorAnswers.map(normaliseAnswer);
  const unanimous = new Set(annotatorAnswers).size === 1;
  return unanimous ? annotatorAnswers : annotatorAnswers.map(normalisePunctuation);
}
