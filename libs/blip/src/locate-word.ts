import { cleanCaption } from "./text.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Where a word stands among the tokens of a text. */
export type LocatedWord =
  /** `positions` of all its pieces, wherever the text has it; the first token of the text is 0, so the first word begins at 1. */
  | { readonly found: true; readonly positions: readonly number[] }
  /** Not in the text, or only behind the last token that is read. `words` are those that are read. */
  | { readonly found: false; readonly isBeyond: boolean; readonly words: readonly string[] };

/**
 * Finds a word, or several words in a row, in a text that `cleanCaption` has cleaned. The word is cleaned and normalised in the same way, so that case, accents and
 * punctuation do not matter; parts of words do: "cat" is not in "catch".
 * @param maxTokens most tokens of the text that the model reads, the first and [SEP] included
 */
export function locateWord(tokenizer: Tokenizer, text: string, word: string, maxTokens: number): LocatedWord {
  const wanted = tokenizer.words(cleanCaption(word)).map((one) => one.text);
  const words = tokenizer.words(text);
  const starts: number[] = [];
  let next = 1;
  for (const { ids } of words) {
    starts.push(next);
    next += ids.length;
  }
  const end = maxTokens - 1; // there stands [SEP] at the latest
  const positions = new Set<number>();
  let isBeyond = false;
  for (let first = 0; wanted.length > 0 && first + wanted.length <= words.length; first += 1) {
    if (!wanted.every((one, offset) => words[first + offset]?.text === one)) continue;
    const behind = starts[first + wanted.length] ?? next;
    if (behind > end) isBeyond = true;
    else for (let place = starts[first] as number; place < behind; place += 1) positions.add(place);
  }
  if (positions.size > 0) return { found: true, positions: [...positions] };
  const read = words.filter((_, index) => (starts[index + 1] ?? next) <= end).map((one) => one.text);
  return { found: false, isBeyond, words: read };
}
