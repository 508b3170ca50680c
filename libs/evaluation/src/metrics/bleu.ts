import { type CaptionPair, requirePairs, wordsOf } from "./caption-pair.ts";
import { countNgrams, LONGEST_NGRAM, type NgramCounts } from "./n-grams.ts";

/** BLEU-1, BLEU-2, BLEU-3 and BLEU-4, each in [0, 1]; higher is better. */
export type BleuScores = readonly [number, number, number, number];

export interface Bleu {
  /** Over all captions together: counts are summed before the quotient, so this is not the mean of `perItem`. */
  readonly corpus: [number, number, number, number];
  readonly perItem: readonly BleuScores[];
}

/** What one caption adds to BLEU. Sums of these over any selection of captions give the selection's score. */
export interface BleuCounts {
  /** Words. */
  readonly candidateLength: number;
  /** Words of the reference whose length is closest to the candidate's; of two as close the shorter one. */
  readonly referenceLength: number;
  /** Index n - 1: runs of n words in the candidate. */
  readonly ngrams: readonly number[];
  /** Index n - 1: those of them that a reference has, each counted at most as often as in the reference with most of it. */
  readonly matches: readonly number[];
}

// Keep a quotient from being 0/0; pycocoevalcap's values, which show in scores of short captions (1e-15 / 1e-9 under a root).
const MATCHES_FLOOR = 1e-15;
const NGRAMS_FLOOR = 1e-9;

/**
 * BLEU (Papineni et al., 2002) with the closest reference length, as COCO captioning reports it.
 * Equal to `Bleu(4)` of pycocoevalcap 1.2, tokeniser included, to 1e-6 (bleu.test.ts).
 */
export function bleu(pairs: readonly CaptionPair[]): Bleu {
  requirePairs(pairs);
  const counts = pairs.map(bleuCounts);
  return { corpus: bleuOfCounts(counts), perItem: counts.map((item) => bleuOfCounts([item])) };
}

/** Counts for `bleuOfCounts`: tokenises once where a bootstrap scores the same captions a thousand times. */
export function bleuCounts(pair: CaptionPair): BleuCounts {
  const candidate = wordsOf(pair.candidate);
  const references = pair.references.map(wordsOf);
  const candidateNgrams = countNgrams(candidate);
  const most = mostOfAny(references.map(countNgrams));
  return {
    candidateLength: candidate.length,
    referenceLength: closestLength(candidate.length, references),
    ngrams: candidateNgrams.map((_, index) => Math.max(0, candidate.length - index)),
    matches: candidateNgrams.map((counts, index) => clippedMatches(counts, most[index])),
  };
}

/** Corpus BLEU of a selection of captions; a caption may occur more than once. Zero captions score 0. */
export function bleuOfCounts(counts: readonly BleuCounts[]): [number, number, number, number] {
  const sum = (read: (item: BleuCounts) => number) => counts.reduce((total, item) => total + read(item), 0);
  const penalty = brevityPenalty(
    sum((item) => item.candidateLength),
    sum((item) => item.referenceLength),
  );
  let product = 1;
  const score = (n: number) => {
    const matches = sum((item) => item.matches[n - 1] ?? 0);
    const ngrams = sum((item) => item.ngrams[n - 1] ?? 0);
    product *= (matches + MATCHES_FLOOR) / (ngrams + NGRAMS_FLOOR);
    return product ** (1 / n) * penalty;
  };
  return [score(1), score(2), score(3), score(4)];
}

function brevityPenalty(candidateLength: number, referenceLength: number): number {
  const ratio = (candidateLength + MATCHES_FLOOR) / (referenceLength + NGRAMS_FLOOR);
  return ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
}

function closestLength(candidateLength: number, references: readonly (readonly string[])[]): number {
  const distance = (length: number) => Math.abs(length - candidateLength);
  return references
    .map(({ length }) => length)
    .reduce((best, length) => {
      const closer = distance(length) - distance(best);
      return closer < 0 || (closer === 0 && length < best) ? length : best;
    });
}

function mostOfAny(references: readonly NgramCounts[]): Map<string, number>[] {
  return Array.from({ length: LONGEST_NGRAM }, (_, index) => {
    const most = new Map<string, number>();
    for (const reference of references) {
      for (const [ngram, count] of reference[index] ?? []) most.set(ngram, Math.max(most.get(ngram) ?? 0, count));
    }
    return most;
  });
}

function clippedMatches(candidate: ReadonlyMap<string, number>, most: ReadonlyMap<string, number> | undefined): number {
  let matches = 0;
  for (const [ngram, count] of candidate) matches += Math.min(count, most?.get(ngram) ?? 0);
  return matches;
}
