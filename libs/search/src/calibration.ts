import { type PlattCalibration, probabilityOf, type Reliability } from "@medley/calibration";
import { type Calibration, type Database, newestCalibration } from "@medley/storage";
import type { RankedHit } from "./rank.ts";

/** How many of the nearest pictures the best score of a query is taken from, when a calibration is fitted and when it is read. */
export const VERDICT_CANDIDATES = 32;

/** What the scores of searches mean in a corpus and space. */
export interface SearchCalibration {
  readonly id: string;
  /** w of the rerankScore itmLogit + w * itcCosine that it was fitted on; it says nothing about scores with another weight. */
  readonly itcWeight: number;
  readonly modelFingerprint: string;
  /** From the rerankScore of a picture and a text: whether they belong together. */
  readonly pair: PlattCalibration;
  /** From a query's best rerankScore: whether the corpus holds an answer. Null where the corpus's own texts did not tell. */
  readonly query: QueryCalibration | null;
  readonly measured: MeasuredCalibration;
  readonly createdAt: Date;
}

export interface QueryCalibration extends PlattCalibration {
  /** Answer probability from which the verdict is STRONG. */
  readonly strongFrom: number;
  /** Answer probability below which it is NONE; at most strongFrom. */
  readonly noneBelow: number;
}

/** Each figure is of examples that were held out of the fit that predicted them; null where there were too few. */
export interface MeasuredCalibration {
  readonly pair: Reliability | null;
  readonly query: Reliability | null;
}

/**
 * The calibration that counts for a corpus and space, null before the first one: one indexed row.
 * @param itcWeight the weight of the model that answers; given, a calibration of another weight does not count
 */
export async function loadSearchCalibration(
  db: Database,
  target: { readonly corpusId: string; readonly spaceId: string; readonly itcWeight?: number },
): Promise<SearchCalibration | null> {
  const stored = await newestCalibration(db, target);
  return stored === null ? null : searchCalibrationOf(stored);
}

export function searchCalibrationOf(stored: Calibration): SearchCalibration {
  const { id, itcWeight, modelFingerprint, pair, query, measured, createdAt } = stored;
  // Only saveSearchCalibration writes it.
  return { id, itcWeight, modelFingerprint, pair, query, measured: measured as MeasuredCalibration, createdAt };
}

/** Probability that a picture and a text belong together, if one in two pairs did before one looked at the score. */
export function matchProbabilityOf({ pair }: Pick<SearchCalibration, "pair">, rerankScore: number): number {
  return probabilityOf(pair, rerankScore);
}

/**
 * The statistic that the answer probability of a query of one text is read from: the best rerankScore among the VERDICT_CANDIDATES nearest pictures. More candidates
 * would have a higher maximum by chance alone, and those that only their texts found were not among the examples. Null where none was matched.
 */
export function bestScoreOf(hits: readonly Pick<RankedHit, "rankBeforeRerank" | "clauses">[]): number | null {
  const scores = hits.flatMap(({ rankBeforeRerank, clauses }) => {
    const rerankScore = clauses[0]?.rerankScore ?? null;
    return rankBeforeRerank !== null && rankBeforeRerank <= VERDICT_CANDIDATES && rerankScore !== null
      ? [rerankScore]
      : [];
  });
  return scores.length === 0 ? null : Math.max(...scores);
}

/** Probability that the corpus holds an answer, from a query's best score; null where that was not calibrated. */
export function answerProbabilityOf({ query }: Pick<SearchCalibration, "query">, best: number): number | null {
  return query === null ? null : probabilityOf(query, best);
}
