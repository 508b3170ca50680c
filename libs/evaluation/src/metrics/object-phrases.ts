import { EvaluationError } from "../evaluation-error.ts";
import { tokeniseCaption } from "./tokenise-caption.ts";

/** A kind of thing with other words for it. Regular plurals and common irregular ones are known and need not be listed. */
export interface VocabularyObject {
  readonly name: string;
  /** Other words for it. */
  readonly synonyms: readonly string[];
}

/**
 * What captions may call the objects, plurals included, as tokens with spaces between them -> name of the object.
 * Throws BAD_INPUT when the vocabulary gives one phrase to two objects, or a phrase without words.
 */
export function phrasesOf(vocabulary: readonly VocabularyObject[]): ReadonlyMap<string, string> {
  const phrases = new Map<string, string>();
  for (const object of vocabulary) {
    for (const phrase of [object.name, ...object.synonyms]) addPhrase(phrases, phrase, object.name);
  }
  // Plurals after all listed phrases: what the vocabulary says ("glasses" are not two of "glass") goes before what grammar says.
  for (const [phrase, name] of [...phrases]) {
    for (const plural of pluralsOf(phrase)) if (!phrases.has(plural)) phrases.set(plural, name);
  }
  return phrases;
}

function addPhrase(phrases: Map<string, string>, phrase: string, name: string): void {
  const key = tokeniseCaption(phrase).join(" ");
  if (key === "") {
    throw new EvaluationError(
      "BAD_INPUT",
      `The object "${name}" has the phrase "${phrase}", expected at least one word. Remove it.`,
    );
  }
  const other = phrases.get(key);
  if (other !== undefined && other !== name) {
    throw new EvaluationError(
      "BAD_INPUT",
      `"${phrase}" stands for "${other}" and for "${name}", expected one object a phrase. Remove it from one of them.`,
    );
  }
  phrases.set(key, name);
}

/** Plurals of nouns that pictures show and the rules below would get wrong. */
const IRREGULAR_PLURALS: ReadonlyMap<string, string> = new Map([
  ["man", "men"],
  ["woman", "women"],
  ["fireman", "firemen"],
  ["policeman", "policemen"],
  ["snowman", "snowmen"],
  ["person", "people"],
  ["child", "children"],
  ["foot", "feet"],
  ["tooth", "teeth"],
  ["goose", "geese"],
  ["mouse", "mice"],
  ["ox", "oxen"],
  ["cactus", "cacti"],
  ["knife", "knives"],
  ["wife", "wives"],
  ["leaf", "leaves"],
  ["loaf", "loaves"],
  ["shelf", "shelves"],
  ["bookshelf", "bookshelves"],
  ["scarf", "scarves"],
  ["wolf", "wolves"],
  ["calf", "calves"],
  ["elf", "elves"],
]);

/** Plurals of a phrase's last word: "wine glass" -> "wine glasses". Words in -o have both endings: "zeros" and "potatoes". */
function pluralsOf(phrase: string): string[] {
  const lastStart = phrase.lastIndexOf(" ") + 1;
  const last = phrase.slice(lastStart);
  const irregular = IRREGULAR_PLURALS.get(last);
  const plurals = irregular === undefined ? regularPlurals(last) : [irregular];
  return plurals.map((plural) => phrase.slice(0, lastStart) + plural);
}

function regularPlurals(word: string): string[] {
  if (/[^aeiou]y$/u.test(word)) return [`${word.slice(0, -1)}ies`];
  if (/(s|x|z|ch|sh)$/u.test(word)) return [`${word}es`];
  if (word.endsWith("o")) return [`${word}s`, `${word}es`];
  return [`${word}s`];
}
