// BERT's text normalisation, as the Rust crate `tokenizers` does it (BertNormalizer and BertPreTokenizer), which is what
// transformers runs. Parity over every Unicode code point: fixtures/make_tokenizer_fixtures.py, tokenizer.parity.test.ts.

import { NONSPACING_MARK, REMOVED_CHARACTER, WORD } from "./tokenizer-unicode-8.ts";

export interface NormaliseOptions {
  readonly lowercase: boolean;
  /** Removes combining marks after canonical decomposition (é becomes e). */
  readonly stripAccents: boolean;
  /** Makes every CJK ideograph a word of its own. */
  readonly splitIdeographs: boolean;
}

const WHITE_SPACE = /\p{White_Space}/gu;
const PLAIN_ASCII = /^[ -~]*$/;
/** CJK ideographs as BERT defines them: not kana, not hangul. */
const IDEOGRAPH =
  /[\u{4e00}-\u{9fff}\u{3400}-\u{4dbf}\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{f900}-\u{faff}\u{2f800}-\u{2fa1f}]/gu;

export function normaliseText(text: string, options: NormaliseOptions): string {
  if (PLAIN_ASCII.test(text)) return options.lowercase ? text.toLowerCase() : text;
  const cleaned = text
    .toWellFormed()
    .replace(/[\t\n\r]/g, " ")
    .replace(REMOVED_CHARACTER, "")
    .replace(WHITE_SPACE, " ");
  const spaced = options.splitIdeographs ? cleaned.replace(IDEOGRAPH, " $& ") : cleaned;
  const stripped = options.stripAccents ? spaced.normalize("NFD").replace(NONSPACING_MARK, "") : spaced;
  // The reference lower-cases each character alone, so a capital sigma at the end of a word does not become a final one.
  return options.lowercase ? stripped.replaceAll("Σ", "σ").toLowerCase() : stripped;
}

/** Splits normalised text at white space (dropped) and punctuation (each a word of its own). */
export function splitWords(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}
