import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { eld as Detector } from "eld/large";

/** ISO 639-1; "und" where a text is too short to tell; "zxx" (ISO 639-2) where it holds no word at all. */
export type Language = string;

/**
 * Languages that share most of their letter groups are told apart by whole sentences only. A title of two words is taken for foreign when
 * English is clearly less probable than the best guess: with 0.6 none of 996 English sentences and 2 of 424 English names were.
 */
const ENGLISH_SHARE = 0.6;
/** A score below says that no language fits: names, model numbers, abbreviations. */
const LEAST_SCORE = 0.35;
const LEAST_WORDS = 2;

let loaded: typeof Detector | undefined;

/** Its tables take a second to load, which commands that judge no text need not pay. */
function detector(): typeof Detector {
  if (loaded) return loaded;
  // Resolved as an import, for the package has no entry for `require`; Node loads the module by it all the same.
  const path = fileURLToPath(import.meta.resolve("eld/large"));
  loaded = (createRequire(import.meta.url)(path) as { readonly eld: typeof Detector }).eld;
  return loaded;
}

/**
 * The language of a text. One Latin word is never called foreign ("piano", "radio" are English as well); other scripts tell at once.
 * Detector: ELD (n-grams, 60 languages).
 */
export function languageOf(text: string): Language {
  const words = text.match(/[\p{Letter}\p{Mark}]+/gu) ?? [];
  if (words.length === 0) return "zxx";
  const detected = detector().detect(text);
  if (detected.language === "") return "und";
  if (!/\p{Script=Latin}/u.test(text)) return detected.language;
  const scores = detected.getScores();
  const best = scores[detected.language] ?? 0;
  if (words.length < LEAST_WORDS || best < LEAST_SCORE) return "und";
  if (detected.language === "en") return "en";
  return (scores.en ?? 0) < ENGLISH_SHARE * best ? detected.language : "und";
}
