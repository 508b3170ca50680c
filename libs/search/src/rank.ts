import type { InferenceError, Match, Outcome } from "@medley/inference-api";

/** A picture as vector search returned it; the list that it comes in is ordered by itcCosine, best first. */
export interface Candidate {
  readonly imageId: string;
  readonly sha256: string;
  readonly itcCosine: number;
}

export interface RankedHit extends Candidate {
  /** Raw logit of the matching head; null where the picture was not matched. Not a probability. */
  readonly itmLogit: number | null;
  /** Calibrated probability; null until the corpus has a calibration for the space that answered. */
  readonly matchProbability: number | null;
  /** itmLogit + w * itcCosine, the quantity that re-ranked hits are ordered by; null where the picture was not matched. */
  readonly rerankScore: number | null;
  /** Place in the vector search's order, from 1. */
  readonly rankBeforeRerank: number;
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

/**
 * Orders candidates by itmLogit + itcWeight * itcCosine, best first; equal values keep the order of the vector search.
 * Candidates without a logit (their match failed, or they lie beyond the matched depth) follow in the vector search's order:
 * a missing logit says nothing about the picture, so it never moves above one that was judged.
 * @param matches  outcomes of the first matches.length candidates, in candidate order
 */
export function rankCandidates(
  candidates: readonly Candidate[],
  matches: readonly Outcome<Match>[],
  itcWeight: number,
): Ranking {
  const failures: MatchFailure[] = [];
  const judged = candidates.map((candidate, index) => {
    const itmLogit = logitOf(candidate, matches[index], failures);
    const rerankScore = itmLogit === null ? null : itmLogit + itcWeight * candidate.itcCosine;
    return { ...candidate, itmLogit, matchProbability: null, rerankScore, rankBeforeRerank: index + 1 };
  });
  const hits = judged.toSorted(byRerankScore).map((hit, index) => ({ ...hit, rankAfterRerank: index + 1 }));
  return { hits, failures };
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

function byRerankScore(a: Judged, b: Judged): number {
  if (a.rerankScore !== null && b.rerankScore !== null && a.rerankScore !== b.rerankScore) {
    return b.rerankScore - a.rerankScore;
  }
  if ((a.rerankScore === null) !== (b.rerankScore === null)) return a.rerankScore === null ? 1 : -1;
  return a.rankBeforeRerank - b.rankBeforeRerank;
}
