import { splitWords } from "./split-words.ts";

/**
 * The VQA evaluation's normalisation of an answer (Antol et al., ICCV 2015; the script that scores VQA v2): punctuation, then lower case,
 * number words up to ten as digits, articles dropped, apostrophes put back into contractions. "A dog!" -> "dog", "Dont, two" -> "don't 2".
 */
export function normaliseAnswer(text: string): string {
  return normaliseWords(normalisePunctuation(text.replaceAll(/[\n\t]/g, " ").trim()));
}

const PUNCTUATION = [...'"!()+,-/;<=>?@[\\]_`{}'];
const COMMA_INSIDE_NUMBER = /\p{Nd},\p{Nd}/u;
const PERIOD_BEFORE_NO_DIGIT = /\.(?!\p{Nd})/gu;

/** The script hands a flag of the value 32 to a parameter that is a limit; answers with more periods keep the rest. */
const PERIODS_REMOVED_AT_MOST = 32;

/**
 * The first half, which is all that annotators' answers get. A mark vanishes where a space is beside any one of its kind, or anywhere
 * once a number has a comma ("1,000" -> "1000", but then also "a/b 1,000" -> "ab 1000"); otherwise it becomes a space.
 */
export function normalisePunctuation(text: string): string {
  const hasNumberWithComma = COMMA_INSIDE_NUMBER.test(text);
  let normalised = text;
  for (const mark of PUNCTUATION) {
    const vanishes = hasNumberWithComma || text.includes(`${mark} `) || text.includes(` ${mark}`);
    normalised = normalised.replaceAll(mark, vanishes ? "" : " ");
  }
  let removed = 0;
  return normalised.replaceAll(PERIOD_BEFORE_NO_DIGIT, (period) => (removed++ < PERIODS_REMOVED_AT_MOST ? "" : period));
}

const ARTICLES = new Set(["a", "an", "the"]);

const DIGITS: ReadonlyMap<string, string> = new Map([
  ["none", "0"],
  ["zero", "0"],
  ["one", "1"],
  ["two", "2"],
  ["three", "3"],
  ["four", "4"],
  ["five", "5"],
  ["six", "6"],
  ["seven", "7"],
  ["eight", "8"],
  ["nine", "9"],
  ["ten", "10"],
]);

function normaliseWords(text: string): string {
  return splitWords(text.toLowerCase())
    .map((word) => DIGITS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(" ");
}

/** Found without their apostrophe. "i'm" and "i've" are not among them: the script looks for a capital I in a lower-case text. */
const CONTRACTIONS_WITH_ONE_APOSTROPHE = splitWords(`
  ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's isn't it'd it'll
  ma'am mightn't might've mustn't must've needn't not've o'clock oughtn't shan't should've shouldn't somebody'll somebody's
  someone'd someone'll someone's something'd something'll that's there'd there're there's they'd they'll they're they've 'twas
  wasn't we've weren't what'll what're what's what've when's where'd where's where've who'd who'll who's who've why'll why're
  why's won't would've wouldn't y'all you'd you'll you're you've
`);

/** Found when any one of their apostrophes is missing. */
const CONTRACTIONS_WITH_MORE = splitWords(`
  couldn't've hadn't've he'd've it'd've mightn't've 'ow's'at she'd've shouldn't've somebody'd've someone'd've something'd've
  there'd've they'd've we'd've who'd've wouldn't've y'all'll y'all'd've you'd've
`);

/** Misspelt contraction -> contraction. */
const CONTRACTIONS: ReadonlyMap<string, string> = new Map([
  ...CONTRACTIONS_WITH_ONE_APOSTROPHE.map((word): [string, string] => [word.replace("'", ""), word]),
  ...CONTRACTIONS_WITH_MORE.flatMap(withoutOneApostrophe),
  ["somebody'd", "somebodyd"], // the other way round, as in the script
]);

function withoutOneApostrophe(word: string): [string, string][] {
  const apostrophes = [...word.matchAll(/'/g)].map(({ index }) => index);
  return apostrophes.map((index) => [word.slice(0, index) + word.slice(index + 1), word]);
}
