import { type CaptionPair, requirePairs } from "./caption-pair.ts";
import { mean } from "./mean.ts";
import { tokeniseCaption } from "./tokenise-caption.ts";

export interface RougeL {
  /** Mean of `perItem`. */
  readonly mean: number;
  /** In [0, 1]; higher is better. */
  readonly perItem: readonly number[];
}

/** Recall weighs BETA ** 2 times as much as precision; the value of COCO captioning. */
const BETA = 1.2;

/**
 * ROUGE-L (Lin, 2004): F-measure over the longest common subsequence of words. Precision and recall are each the best that any
 * reference gives, not necessarily the same one. Equal to `Rouge` of pycocoevalcap 1.2 to 1e-6 (rouge-l.test.ts).
 */
export function rougeL(pairs: readonly CaptionPair[]): RougeL {
  requirePairs(pairs);
  const perItem = pairs.map(scoreOf);
  return { mean: mean(perItem), perItem };
}

function scoreOf({ candidate, references }: CaptionPair): number {
  const candidateTokens = tokensOf(candidate);
  let precision = 0;
  let recall = 0;
  for (const reference of references.map(tokensOf)) {
    const common = longestCommonSubsequence(candidateTokens, reference);
    precision = Math.max(precision, common / candidateTokens.length);
    recall = Math.max(recall, common / reference.length);
  }
  if (precision === 0 || recall === 0) return 0;
  return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
}

/** The reference splits at single spaces, so a caption without words is one empty word, equal to that of an empty reference. */
function tokensOf(caption: string): string[] {
  const tokens = tokeniseCaption(caption);
  return tokens.length === 0 ? [""] : tokens;
}

function longestCommonSubsequence(left: readonly string[], right: readonly string[]): number {
  let above = new Array<number>(right.length + 1).fill(0);
  for (const word of left) {
    const row = [0];
    for (const [index, other] of right.entries()) {
      const longest = word === other ? at(above, index) + 1 : Math.max(at(above, index + 1), at(row, index));
      row.push(longest);
    }
    above = row;
  }
  return at(above, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
