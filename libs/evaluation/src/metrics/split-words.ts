// What Python's `str.split()` takes for white space; JavaScript's \s lacks the separators U+001C..1F and U+0085, and has U+FEFF.
const WHITE_SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** The words between white space, as Python's `str.split()` gives them to the reference metrics; no empty ones. */
export function splitWords(text: string): string[] {
  return text.split(WHITE_SPACE).filter((word) => word !== "");
}
