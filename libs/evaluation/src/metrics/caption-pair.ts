import { EvaluationError } from "../evaluation-error.ts";
import { splitWords } from "./split-words.ts";
import { tokeniseCaption } from "./tokenise-caption.ts";

/** A caption to be judged beside what people wrote for the same picture. Raw texts: metrics tokenise them. */
export interface CaptionPair {
  /** May be empty: a model that says nothing gets its score too. */
  readonly candidate: string;
  /** At least one. */
  readonly references: readonly string[];
}

/** Throws EMPTY without pairs and BAD_INPUT for a pair without references: any score of those would be made up. */
export function requirePairs(pairs: readonly CaptionPair[]): void {
  if (pairs.length === 0) {
    throw new EvaluationError(
      "EMPTY",
      "There are 0 captions to score, expected at least 1. Check the data set's split.",
    );
  }
  const lonely = pairs.findIndex(({ references }) => references.length === 0);
  if (lonely < 0) return;
  throw new EvaluationError(
    "BAD_INPUT",
    `Caption ${lonely} ("${pairs[lonely]?.candidate}") has 0 references, expected at least 1. Leave the item out or give its references.`,
  );
}

/**
 * Words as BLEU and CIDEr-D of pycocoevalcap count them. A token may hold a no-break space ("3 1/2" is one token); Python's
 * `split()` parts it there, so these metrics see two words where ROUGE-L sees one.
 */
export function wordsOf(caption: string): string[] {
  return splitWords(tokeniseCaption(caption).join(" "));
}
