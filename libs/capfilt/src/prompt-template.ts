import { CapFiltError } from "./errors.ts";

/** What a caption starts from, for one picture. */
export interface FilledPrompt {
  /** Null: the model set's own. */
  readonly prompt: string | null;
  /** Words of the prompt that belong to the caption: those of the attributes that it goes on from. */
  readonly kept: string;
}

/** Longer values are descriptions of their own, and would leave no room for a caption of 20 tokens. */
const LONGEST_VALUE = 40;
const PLACE = /\{([^{}]+)\}/g;
/** Attributes at the very end of a prompt, with nothing but white space between and behind them. */
const PLACES_AT_END = /(?:\{[^{}]+\}\s*)+$/;

/** Whether the prompt names attributes. */
export function namesAttributes(prompt: string | null): boolean {
  return prompt !== null && /[{}]/.test(prompt);
}

/** @throws CapFiltError INVALID_RUN for braces that name no attribute */
export function checkPrompt(prompt: string | null): void {
  if (prompt === null || !/[{}]/.test(prompt.replace(PLACE, (_, name: string) => (name.trim() ? "" : "{")))) return;
  const example = 'Name attributes as in "a picture of {category}".';
  throw new CapFiltError("INVALID_RUN", `The prompt "${prompt}" has a brace that belongs to no attribute. ${example}`);
}

/**
 * The prompt with a picture's attributes in the places that name them. A picture that lacks one of them, or has something there that is no short
 * text or number, gets the model set's own prompt. Members of a list are joined by "and".
 */
export function fillPrompt(prompt: string | null, attributes: Readonly<Record<string, unknown>>): FilledPrompt {
  if (prompt === null || !namesAttributes(prompt)) return { prompt, kept: "" };
  let isComplete = true;
  const fill = (text: string) =>
    text.replace(PLACE, (_, name: string) => {
      const words = wordsOf(attributes[name.trim()]);
      if (words === "") isComplete = false;
      return words;
    });
  const filled = fill(prompt);
  if (!isComplete) return { prompt: null, kept: "" };
  return { prompt: filled, kept: fill(PLACES_AT_END.exec(prompt)?.[0] ?? "").trim() };
}

function wordsOf(value: unknown): string {
  const members = (Array.isArray(value) ? value : [value]).filter(
    (member) => typeof member === "string" || typeof member === "number",
  );
  const words = members
    .map((member) =>
      String(member)
        .replace(/[\p{Cc}\s]+/gu, " ")
        .trim(),
    )
    .filter((member) => member !== "")
    .join(" and ");
  return words.length > LONGEST_VALUE ? "" : words;
}
