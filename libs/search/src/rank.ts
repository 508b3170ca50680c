import type { InferenceError, Match, Outcome } from "@medley/inference-api";

/** A picture that may answer the query. */
export interface Candidate {
  readonly imageId: string;
  readonly sha256: string;
  readonly itcCosine: number;
  /** Place in the vector search's order, from 1; null where only its texts found it. */
  readonly rankBeforeRerank: number | null;
  /** Share of the query's words that the picture's own texts hold, rare words weighted more; 0..1. */
  readonly textShare: number;
  /** Cosine of the query and the nearest of the picture's own texts; null where others of the corpus were nearer, or it has none. */
  readonly textCosine: number | null;
  /** What its own texts say for the picture: the greater of textShare and textCosine scaled over the nearest texts; 0..1. */
  readonly textScore: number;
}

export interface RankedHit extends Candidate {
  /** Raw logit of the matching head; null where the picture was not matched. Not a probability. */
  readonly itmLogit: number | null;
  /** Calibrated probability; null until the corpus has a calibration for the space that answered. */
  readonly matchProbability: number | null;
  /** itmLogit + w * itcCosine; null where the picture was not matched. */
  readonly rerankScore: number | null;
  /**
   * What re-ranked hits are ordered by: rerankScore, scaled to 0..1 over this answer's re-ranked pictures, and textScore, mixed by the
   * weight of texts. Says nothing outside of this answer; null where the picture was not matched.
   */
  readonly fusedScore: number | null;
  /** Place in the final order, from 1. */
  readonly rankAfterRerank: number;
}

/** A candidate that the matching head gave no logit for. */
export interface MatchFailure {
  readonly imageId: string;
  readonly code: InferenceError["code"];
  readonly message: string;
}

export interface Ranking {
  readonly hits: readonly RankedHit[];
  readonly failures: readonly MatchFailure[];
}

export interface Weights {
  /** w of itmLogit + w * itcCosine; belongs to the model set. */
  readonly itc: number;
  /** Share of textScore in the order, 0..1. */
  readonly text: number;
}

/**
 * Orders candidates by itmLogit + w * itcCosine, best first, mixed with what their own texts say: a convex combination after min-max
 * scaling (Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023). Where no texts stand beside the
 * pictures, that is BLIP's order as it is. Equal values: the greater textScore first, then the order of the vector search. Candidates without a logit (their match
 * failed, or they lie beyond the matched depth) follow in the vector search's order: a missing logit says nothing about the picture, so
 * it never moves above one that was judged.
 * @param matches  outcomes of the first matches.length candidates, in candidate order
 */
export function rankCandidates(
  candidates: readonly Candidate[],
  matches: readonly Outcome<Match>[],
  weights: Weights,
): Ranking {
  const failures: MatchFailure[] = [];
  const judged = candidates.map((candidate, index) => {
    const itmLogit = logitOf(candidate, matches[index], failures);
    const rerankScore = itmLogit === null ? null : itmLogit + weights.itc * candidate.itcCosine;
    return { ...candidate, itmLogit, matchProbability: null, rerankScore };
  });
  const scale = scaleOf(judged.flatMap(({ rerankScore }) => (rerankScore === null ? [] : [rerankScore])));
  const hits = judged
    .map((hit) => ({
      ...hit,
      fusedScore:
        hit.rerankScore === null ? null : (1 - weights.text) * scale(hit.rerankScore) + weights.text * hit.textScore,
    }))
    .toSorted(byFusedScore)
    .map((hit, index) => ({ ...hit, rankAfterRerank: index + 1 }));
  return { hits, failures };
}

/** Maps the least of the scores to 0 and the greatest to 1; all to 1 where they are equal. */
function scaleOf(scores: readonly number[]): (score: number) => number {
  const least = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return greatest > least ? (score) => (score - least) / (greatest - least) : () => 1;
}

function logitOf(candidate: Candidate, match: Outcome<Match> | undefined, failures: MatchFailure[]): number | null {
  if (match === undefined) return null;
  if (!match.ok) {
    failures.push({ imageId: candidate.imageId, code: match.error.code, message: match.error.message });
    return null;
  }
  const { itmLogit } = match.value;
  if (Number.isFinite(itmLogit)) return itmLogit;
  const message = `The matching head gave ${itmLogit} for image "${candidate.imageId}", expected a finite number. Check the checkpoint.`;
  failures.push({ imageId: candidate.imageId, code: "ENGINE_FAILED", message });
  return null;
}

type Judged = Omit<RankedHit, "rankAfterRerank">;

function byFusedScore(a: Judged, b: Judged): number {
  if (a.fusedScore !== null && b.fusedScore !== null) {
    // In a scaled list some picture always has 1, whether or not anything fits; a text that says it all is better evidence.
    const byScore = b.fusedScore - a.fusedScore || b.textScore - a.textScore;
    // Scaling can round two scores to one.
    return byScore || (b.rerankScore ?? 0) - (a.rerankScore ?? 0) || byVectorRank(a, b);
  }
  if ((a.fusedScore === null) !== (b.fusedScore === null)) return a.fusedScore === null ? 1 : -1;
  return byVectorRank(a, b);
}

/** Pictures that only their texts found have no place in it; they stand behind those that have, nearest first. */
function byVectorRank(a: Judged, b: Judged): number {
  if (a.rankBeforeRerank !== null && b.rankBeforeRerank !== null) return a.rankBeforeRerank - b.rankBeforeRerank;
  if (a.rankBeforeRerank === b.rankBeforeRerank) return b.itcCosine - a.itcCosine;
  return a.rankBeforeRerank === null ? 1 : -1;
}
