import type { AnswerMode } from "@medley/inference-api";
import type { AttributeValue, Question } from "@medley/storage";
import { ANSWER_DECODING } from "./ask-image.ts";

/** How a question of a corpus is asked: a closed list is ranked whole, so that the probability is one among all of its answers. */
export function answerModeOf({ answers }: Pick<Question, "answers">): AnswerMode {
  if (answers === null) return { mode: "generate", decoding: ANSWER_DECODING };
  return { mode: "rank", answers, candidates: answers.length };
}

/** What an answer is in the type of its question; null where it cannot be read as that. */
export function answerValue({ type }: Pick<Question, "type">, answer: string): AttributeValue | null {
  const text = answer.trim();
  switch (type) {
    case "BOOLEAN":
      return text === "yes" ? true : text === "no" ? false : null;
    case "CATEGORY":
    case "TEXT":
      return text === "" ? null : text;
    case "NUMBER":
      return numberIn(text);
  }
}

const NUMBER = /^[-+]?\d+(\.\d+)?$/;
/** The tokenizer sets spaces around the point of a number and the commas of thousands. */
const SPACED_POINT = /(?<=\d)\s*\.\s*(?=\d)/g;
const SPACED_COMMA = /(?<=\d)\s*,\s*(?=\d{3}\b)/g;

const WORDS: ReadonlyMap<string, number> = new Map(
  [
    ...["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
    ...["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"],
  ].map((word, number) => [word, number]),
);
const NOTHING: ReadonlySet<string> = new Set(["none", "no", "nothing"]);

/** The number that an answer is as a whole, or begins with: "2", "two", "12 people", "none". "many" is none. */
function numberIn(text: string): number | null {
  const plain = text.toLowerCase().replaceAll(SPACED_POINT, ".").replaceAll(SPACED_COMMA, "");
  const [first = ""] = plain.split(/\s+/);
  if (NOTHING.has(first)) return 0;
  if (NUMBER.test(first)) return Number(first);
  return WORDS.get(first) ?? null;
}
