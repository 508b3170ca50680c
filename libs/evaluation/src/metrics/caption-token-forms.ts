import { ABBREVIATIONS, ABBREVIATIONS_BEFORE_NUMBER, SENTENCE_STARTS } from "./caption-abbreviations.ts";

/** A kind of token: where it may begin, and what is written for it when that is not its own text. */
export interface TokenForm {
  /** Sticky: matches at its lastIndex or not at all. */
  readonly pattern: RegExp;
  /** Tokens written for a match; without it, the text of the match. */
  readonly write?: (text: string) => readonly string[];
}

const NOTHING: readonly string[] = [];
const nothing = () => NOTHING;

// Parts of patterns. The soft hyphen is inside words and is not written.
const CHARACTER = String.raw`(?:(?![\u{fe00}-\u{fe0f}\u{10000}-\u{10ffff}])[\p{L}\p{M}\p{Nd}\u{ad}])`;
const LETTER = String.raw`(?:(?![\u{fe00}-\u{fe0f}\u{10000}-\u{10ffff}])[\p{L}\p{M}\u{ad}])`;
const WORD = `${CHARACTER}+(?:_${CHARACTER}+)*`;
const HYPHEN = String.raw`[-\u{2010}\u{2011}\u{58a}]`;
const APOSTROPHE = "['\u2019]";
const NOT_INSIDE_WORD = `(?!${CHARACTER})`;
const NOT_BEFORE_LATIN = "(?![A-Za-z])";
const NOT_BEFORE_LETTER = `(?!${LETTER})`;
const WITH_SUFFIXES = `(?:${HYPHEN}${WORD})*`;
const SLASHED_PART = `${CHARACTER}+(?:${HYPHEN}${LETTER}+){0,2}`;

const pattern = (source: string) => new RegExp(source, "uy");
const patternOfAnyCase = (source: string) => new RegExp(source, "uiy");
const oneOf = (words: readonly string[]) => `(?:${words.join("|")})`;

/** "gonna" -> "gon na" */
function cutAfter(length: number): (text: string) => readonly string[] {
  return (text) => [text.slice(0, length), text.slice(length)];
}

const straight = (text: string) => [text.replace("\u2019", "'")];

const CONTRACTIONS: readonly TokenForm[] = [
  { pattern: patternOfAnyCase("n[`'\u2019]t"), write: straight },
  { pattern: patternOfAnyCase(`n[\`'\u2019]t${LETTER}${CHARACTER}*`) },
  // A typewriter apostrophe may also open a quotation ('small'), so there no letter may follow; a curly one is not asked.
  {
    pattern: patternOfAnyCase(`(?:\u2019|'(?=(?:s|m|d|re|ve|ll)${NOT_BEFORE_LATIN}))(?:s|m|d|re|ve|ll)`),
    write: straight,
  },
  { pattern: patternOfAnyCase(`${APOSTROPHE}(?:n${APOSTROPHE}|n${NOT_BEFORE_LATIN}|em|til|cause)`) },
  { pattern: pattern(`${APOSTROPHE}(?:\\d0s|\\d\\d(?!${CHARACTER}|${APOSTROPHE}))`) },
  { pattern: patternOfAnyCase("'t(?=is|was)") },
  { pattern: patternOfAnyCase(`(?:cannot|gimme|lemme)(?!${CHARACTER}|${APOSTROPHE})`), write: cutAfter(3) },
  { pattern: patternOfAnyCase(`(?:gonna|gotta|wanna)${NOT_INSIDE_WORD}`), write: cutAfter(3) },
];

/** "o'clock", "O'Neill", "d'oeuvre", "l'amour"; "y'all" and "j'ai" part after the apostrophe. */
const APOSTROPHE_WORDS: readonly TokenForm[] = [
  {
    pattern: pattern(
      `[dlnoA-HJ-XZ]${APOSTROPHE}(?!(?:[sSmMdD]|[rR][eE]|[vV][eE]|[lL][lL])${NOT_BEFORE_LATIN})${LETTER}${CHARACTER}*`,
    ),
  },
  {
    pattern: patternOfAnyCase(`(?:(?:ma'am|c'mon|c'est)${CHARACTER}*|d'ye${NOT_INSIDE_WORD}|o'clock${WITH_SUFFIXES})`),
  },
  { pattern: pattern(`(?:[yYj]${APOSTROPHE}(?=${LETTER})|ol')`) },
];

const NUMBERS: readonly TokenForm[] = [
  { pattern: pattern(String.raw`[-+]?\p{Nd}*(?:[.,:]\p{Nd}+)+`) },
  { pattern: pattern(String.raw`[-+]\p{Nd}+`) },
  { pattern: pattern(String.raw`\p{Nd}+(?:[.,:]\p{Nd}+)*(?:${HYPHEN}${WORD})+`) },
  { pattern: pattern(String.raw`\p{Nd}{1,4}[ \u{a0}]\p{Nd}{1,4}\/\p{Nd}{1,4}`), write: joined },
  // Telephone numbers, and what looks like one: "rooms 100 200 300".
  {
    pattern: pattern(
      String.raw`(?:\(\p{Nd}{2,3}\)[ \u{a0}]?|\+{0,2}(?:\p{Nd}{2,4}[- \u{a0}]){1,2})\p{Nd}{3,4}[- \u{a0}]?\p{Nd}{3,5}`,
    ),
    write: joined,
  },
];

const WORDS: readonly TokenForm[] = [
  { pattern: pattern(`${WORD}${WITH_SUFFIXES}`) },
  { pattern: pattern(`${SLASHED_PART}(?:/${SLASHED_PART}){1,2}`) },
  { pattern: pattern(String.raw`\p{Nd}+-\p{Nd}+\/\p{Nd}+`) },
  { pattern: pattern(`${LETTER}${CHARACTER}*(?:[.!?]${LETTER}${CHARACTER}*)+${WITH_SUFFIXES}`) },
  { pattern: pattern(`(?:${CHARACTER}+${HYPHEN})?${LETTER}(?:\\.${LETTER})+\\.${NOT_BEFORE_LETTER}${WITH_SUFFIXES}`) },
  { pattern: pattern(`${LETTER}\\.(?!\\s+${oneOf(SENTENCE_STARTS)}(?:\\s|$))`) },
  { pattern: pattern(`${oneOf(ABBREVIATIONS)}\\.${WITH_SUFFIXES}`) },
  { pattern: pattern(`${oneOf(ABBREVIATIONS_BEFORE_NUMBER)}\\.(?:(?:${HYPHEN}${WORD})+|(?=\\s*\\p{Nd}))`) },
  // Before another mark any word keeps its period, since it then seems not to end a sentence: "10-ft., wide".
  { pattern: pattern(`${CHARACTER}+(?:[-_.]${LETTER}${CHARACTER}*)*\\.(?=[,;:])`) },
  { pattern: patternOfAnyCase("ph\\.d\\.") },
  { pattern: pattern("[A-Z]+(?:&[A-Z]+)+") },
  { pattern: pattern("[A-Z]+(?:&amp;[A-Z]+)+"), write: (text) => [text.replaceAll("&amp;", "&")] },
  { pattern: pattern(`${LETTER}\\+${LETTER}`) },
  { pattern: pattern("[cC]\\+\\+|[CF]#") },
];

// Bounded, so that a long text without spaces is not searched to its end for an @ at each position.
const LOCAL_PART = String.raw`[A-Za-z0-9][^\s"<>()|@]{0,63}`;

const ADDRESSES: readonly TokenForm[] = [
  { pattern: pattern(String.raw`<(?:\/?[A-Za-z][^<>]*|!--.*?--)>`), write: joined },
  {
    pattern: patternOfAnyCase(
      String.raw`[a-z\d][a-z\d-]+(?:\.[a-z\d-]+)*\.(?:com|net|org|edu|gov)\/[^\s()<>"{}]+(?<![.,;:?!'])`,
    ),
  },
  {
    pattern: patternOfAnyCase(
      String.raw`[a-z\d]+\.(?:jpe?g|png|gif|bmp|pdf|html?|txt|docx?|xml|zip|mp3)${NOT_INSIDE_WORD}`,
    ),
  },
  { pattern: patternOfAnyCase(String.raw`https?:\/\/[^\s()<>"{}]+\.[^\s()<>"{}]+(?<![.,;:?!'])`) },
  { pattern: pattern(String.raw`${LOCAL_PART}@[^\s"<>()|.]+(?:\.[^\s"<>()|.]+)*`) },
  { pattern: pattern(String.raw`@[A-Za-z_]\w*`) },
  { pattern: pattern(`#${LETTER}+`) },
];

/** Brackets keep their names even though the tokeniser's callers mean to remove them: the names are looked for in capitals. */
const BRACKETS: ReadonlyMap<string, string> = new Map([
  ["(", "-lrb-"],
  [")", "-rrb-"],
  ["[", "-lsb-"],
  ["]", "-rsb-"],
  ["{", "-lcb-"],
  ["}", "-rcb-"],
]);

const nameRoundBrackets = (text: string) => text.replaceAll("(", "-lrb-").replaceAll(")", "-rrb-");

const MARKS: readonly TokenForm[] = [
  { pattern: pattern("[()[\\]{}]"), write: (text) => [BRACKETS.get(text) ?? text] },
  {
    pattern: pattern(`[<>]?[:;=][-'o*]?[()[\\]{DPpO\\\\|@](?![A-Za-z0-9])|:[03](?![A-Za-z0-9])`),
    write: (text) => [nameRoundBrackets(text)],
  },
  { pattern: pattern("\\^_\\^|-_-") },
  // Quotation marks, dashes, ellipses and single marks are removed.
  {
    pattern: pattern(`''|["'\`\u2018\u2019\u201b-\u201d\u2039\u203a\u00ab\u00bb.,:;?!\u2026\u2013-\u2015]`),
    write: nothing,
  },
  { pattern: pattern("[?!]{2,}|-{5,}|__+|\\*{2,}|##+|@@+|<<|>>") },
  { pattern: pattern("-{1,4}"), write: nothing },
];

const SYMBOLS: readonly TokenForm[] = [
  { pattern: pattern("(?:US|A|C|R|HK|NZ|S|NT)\\$") },
  { pattern: pattern("[\u20ac\u00a4\u20a0]"), write: () => ["$"] },
  { pattern: pattern("\u00a2"), write: () => ["cents"] },
  { pattern: pattern("\u00a3"), write: () => ["#"] },
  { pattern: pattern("[\u00bc-\u00be\u2153\u2154]"), write: (text) => [text.normalize("NFKC").replace("\u2044", "/")] },
  {
    pattern: patternOfAnyCase("&(?:amp|lt|gt|quot|apos|nbsp|mdash|ndash);"),
    write: (text) => ENTITIES.get(text.toLowerCase()) ?? NOTHING,
  },
  { pattern: pattern("&(?:#\\d+|[aeiouAEIOU](?:acute|grave|uml));") },
  { pattern: pattern("[#$%&*+/<=>@\\\\^_|~]") },
  {
    pattern: pattern(
      "[\u00a1\u00a5-\u00a9\u00ac\u00ae-\u00b4\u00b6-\u00b9\u00bf\u00d7\u00f7\u2016\u2017\u201a\u201e-\u2023\u2030-\u2038" +
        "\u203b\u203e-\u2042\u2044\u2070\u2074-\u207e\u2080-\u208e\u20a4\u2100-\u2109\u2114-\u2118\u211e-\u2127\u2155-\u215e" +
        "\u2190-\u2bff\u3001\u3002\u3012\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0\uffe1\uffe5\uffe6]",
    ),
  },
];

const ENTITIES: ReadonlyMap<string, readonly string[]> = new Map([
  ["&amp;", ["&"]],
  ["&lt;", ["<"]],
  ["&gt;", [">"]],
]);

/** Where several forms match, the longest match counts, and of equally long ones the first form. */
export const TOKEN_FORMS: readonly TokenForm[] = [
  ...ADDRESSES,
  ...CONTRACTIONS,
  ...APOSTROPHE_WORDS,
  ...NUMBERS,
  ...WORDS,
  ...MARKS,
  ...SYMBOLS,
];

/** A word up to the "n't" that it ends with, which is a token of its own: "isn't" -> "is n't". Goes before all forms. */
export const WORD_BEFORE_NOT: RegExp = patternOfAnyCase(`${CHARACTER}+?(?=n[\`'\u2019]t)`);

/** Spaces inside a token become no-break spaces, so that a line can still be split at spaces. */
function joined(text: string): readonly string[] {
  return [text.replaceAll(/\s/g, "\u00a0").replaceAll("(", "-lrb-").replaceAll(")", "-rrb-")];
}
