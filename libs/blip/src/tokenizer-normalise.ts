// BERT's text normalisation, as the Rust crate `tokenizers` does it (BertNormalizer and BertPreTokenizer), which is what
// transformers runs. Parity over every Unicode code point: fixtures/make_tokenizer_fixtures.py, tokenizer.parity.test.ts.

import { NONSPACING_MARK, PUNCTUATION, REMOVED_CHARACTER } from "./tokenizer-unicode-8.ts";

export interface NormaliseOptions {
  readonly lowercase: boolean;
  /** Removes combining marks after canonical decomposition (é becomes e). */
  readonly stripAccents: boolean;
  /** Makes every CJK ideograph a word of its own. */
  readonly splitIdeographs: boolean;
}

const WHITE_SPACE = /\p{White_Space}/u;
const PLAIN_ASCII = /^[ -~]*$/;

/** CJK ideographs as BERT defines them: not kana, not hangul. */
const IDEOGRAPH_RANGES: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];

function isIdeograph(character: string): boolean {
  const code = character.codePointAt(0) as number;
  return code >= 0x3400 && IDEOGRAPH_RANGES.some(([first, last]) => code >= first && code <= last);
}

export function normaliseText(text: string, options: NormaliseOptions): string {
  if (PLAIN_ASCII.test(text)) return options.lowercase ? text.toLowerCase() : text;
  let cleaned = "";
  for (const character of text.toWellFormed()) {
    if (character === "\t" || character === "\n" || character === "\r") cleaned += " ";
    else if (REMOVED_CHARACTER.test(character)) continue;
    else if (WHITE_SPACE.test(character)) cleaned += " ";
    else if (options.splitIdeographs && isIdeograph(character)) cleaned += ` ${character} `;
    else cleaned += character;
  }
  const stripped = options.stripAccents ? cleaned.normalize("NFD").replace(NONSPACING_MARK, "") : cleaned;
  return options.lowercase ? lowerCaseEach(stripped) : stripped;
}

/** Lower-cases character by character: the whole-string rule would make a final sigma of Σ, which the reference does not. */
function lowerCaseEach(text: string): string {
  let lowered = "";
  for (const character of text) lowered += character.toLowerCase();
  return lowered;
}

/** Splits normalised text at white space (dropped) and punctuation (each a word of its own). */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  const flush = () => {
    if (word !== "") words.push(word);
    word = "";
  };
  for (const character of text) {
    if (character === " " || WHITE_SPACE.test(character)) {
      flush();
    } else if (PUNCTUATION.test(character)) {
      flush();
      words.push(character);
    } else {
      word += character;
    }
  }
  flush();
  return words;
}
