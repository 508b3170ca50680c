/** Words kept of a caption in pre-training, caption training and retrieval evaluation (the reference's max_words). */
export const MAX_CAPTION_WORDS = 30;
/** Words kept of a caption by LAVIS and by default in the reference's function. */
export const MAX_LONG_CAPTION_WORDS = 50;
/** Words kept of a question. */
export const MAX_QUESTION_WORDS = 50;

/** The ten characters that BLIP takes out. */
const MARKS = /[.!"()*#:;~]/g;
/** Two or more of what Python calls white space (JavaScript's \s also counts U+FEFF, and not U+001C to U+001F and U+0085). */
const WHITE_SPACE_RUN = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{2,}/g;
/** Control characters but white space. The tokenizer drops them too, so no token changes; PostgreSQL could not store NUL. */
const CONTROL_CHARACTERS = /[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]/g;

/**
 * Cleans a caption (or a search text) as BLIP's `pre_caption`: lower case, the ten marks . ! " ( ) * # : ; ~ become spaces,
 * runs of white space become one space, the first maxWords words stay. Commas, apostrophes, hyphens and "?" stay.
 * The result may be empty; refusing that is the caller's business. Control characters are dropped first.
 * Follows BLIP data/utils.py pre_caption; parity: text.parity.test.ts, exact.
 */
export function cleanCaption(text: string, maxWords: number = MAX_CAPTION_WORDS): string {
  const spaced = withoutControls(text).toLowerCase().replace(MARKS, " ").replace(WHITE_SPACE_RUN, " ");
  return firstWords(trimStart(trimEnd(trimEnd(spaced, "\n"), " "), " "), maxWords);
}

/**
 * Cleans a question as BLIP's `pre_question`: lower case, the same ten marks deleted (no space left), trailing spaces cut,
 * the first maxWords words stay. "?" stays, white space is not collapsed. The result may be empty.
 * Follows BLIP data/utils.py pre_question; parity: text.parity.test.ts, exact.
 */
export function cleanQuestion(text: string, maxWords: number = MAX_QUESTION_WORDS): string {
  return firstWords(trimEnd(withoutControls(text).toLowerCase().replace(MARKS, ""), " "), maxWords);
}

/** A lone surrogate becomes U+FFFD, which the tokenizer drops. */
function withoutControls(text: string): string {
  return text.toWellFormed().replace(CONTROL_CHARACTERS, "");
}

function firstWords(text: string, maxWords: number): string {
  const words = text.split(" ");
  return words.length > maxWords ? words.slice(0, maxWords).join(" ") : text;
}

// Loops and not / +$/: the expression takes quadratic time on a long run of spaces inside a hostile text.

function trimStart(text: string, character: string): string {
  let start = 0;
  while (text[start] === character) start++;
  return text.slice(start);
}

function trimEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
