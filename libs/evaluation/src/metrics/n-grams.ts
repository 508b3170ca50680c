/** How often each run of n words occurs; index n - 1 holds the runs of n words, keyed by the words with spaces between them. */
export type NgramCounts = readonly ReadonlyMap<string, number>[];

/** Longest run that BLEU-4 and CIDEr-D look at. */
export const LONGEST_NGRAM = 4;

/** @param words  without spaces inside, so that the keys are unambiguous */
export function countNgrams(words: readonly string[]): NgramCounts {
  return Array.from({ length: LONGEST_NGRAM }, (_, index) => countRuns(words, index + 1));
}

function countRuns(words: readonly string[], length: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + length <= words.length; start++) {
    const ngram = words.slice(start, start + length).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}
