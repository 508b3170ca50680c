import { answerProbabilityOf, type SearchCalibration } from "./calibration.ts";

/** STRONG: the corpus surely holds an answer. WEAK: it may. NONE: what was found is only the least unfitting. */
export type SearchVerdict = "STRONG" | "WEAK" | "NONE";

export interface Judgement {
  readonly verdict: SearchVerdict;
  /** TEXTS where the pictures' own texts say more for an answer than the models do, or there is no calibration. */
  readonly decidedBy: "MODELS" | "TEXTS";
  /** What the models say alone; null without a calibration or without a matched picture. */
  readonly answerProbability: number | null;
}

/** A share that floating point makes of all words. */
const ALL_WORDS = 1 - 1e-9;
const HALF_OF_THE_WORDS = 0.5;

/**
 * Whether the corpus answers a query. By the models: the answer probability of the best score against the calibration's two thresholds. By the
 * pictures' own texts: STRONG where one picture's texts hold every word of the query, at least WEAK where they hold half of its weight: whoever
 * wrote them knows what is in the picture. The stronger of both counts.
 * @param best      bestScoreOf the hits; null where nothing was matched
 * @param textShare the greatest textShare of the hits, 0..1
 * @returns null where neither can say anything
 */
export function verdictOf({
  calibration,
  best,
  textShare,
}: {
  readonly calibration: Pick<SearchCalibration, "query"> | null;
  readonly best: number | null;
  readonly textShare: number;
}): Judgement | null {
  const answerProbability = calibration === null || best === null ? null : answerProbabilityOf(calibration, best);
  const byModels =
    answerProbability === null || !calibration?.query
      ? null
      : verdictOfProbability(calibration.query, answerProbability);
  const byTexts = verdictOfTexts(textShare);
  if (byModels === null) return byTexts && { verdict: byTexts, decidedBy: "TEXTS", answerProbability };
  if (byTexts === null || STRENGTH[byModels] >= STRENGTH[byTexts]) {
    return { verdict: byModels, decidedBy: "MODELS", answerProbability };
  }
  return { verdict: byTexts, decidedBy: "TEXTS", answerProbability };
}

/**
 * Of what several corpora say the strongest; where that is NONE and one of them cannot say anything, nothing can be said.
 * @param judgements one for each corpus
 */
export function strongestOf(judgements: readonly (Judgement | null)[]): Judgement | null {
  const known = judgements.flatMap((judgement) => judgement ?? []);
  const [strongest] = known.toSorted(
    (one, other) =>
      STRENGTH[other.verdict] - STRENGTH[one.verdict] ||
      (other.answerProbability ?? -1) - (one.answerProbability ?? -1),
  );
  if (strongest?.verdict === "NONE" && known.length < judgements.length) return null;
  return strongest ?? null;
}

const STRENGTH: Readonly<Record<SearchVerdict, number>> = { NONE: 0, WEAK: 1, STRONG: 2 };

function verdictOfProbability(
  { strongFrom, noneBelow }: { readonly strongFrom: number; readonly noneBelow: number },
  answerProbability: number,
): SearchVerdict {
  if (answerProbability >= strongFrom) return "STRONG";
  return answerProbability < noneBelow ? "NONE" : "WEAK";
}

/** Texts never say that there is nothing: many pictures have none. */
function verdictOfTexts(textShare: number): "STRONG" | "WEAK" | null {
  if (textShare >= ALL_WORDS) return "STRONG";
  return textShare >= HALF_OF_THE_WORDS ? "WEAK" : null;
}
