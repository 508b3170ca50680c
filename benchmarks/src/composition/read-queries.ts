import { readFileSync } from "node:fs";

export const COMPOSITION_KINDS = ["NEGATION", "CONJUNCTION", "PICTURE_AND_TEXT", "ANY_OR_MIXED"] as const;
export type CompositionKind = (typeof COMPOSITION_KINDS)[number];

/** A text, or a picture of the demo corpus as folder and name without the ending. */
export type CompositionClause = { readonly text: string } | { readonly picture: string };

export interface CompositionQuery {
  readonly kind: CompositionKind;
  /** The same wish in plain words. */
  readonly sentence: string;
  readonly all: readonly CompositionClause[];
  readonly any: readonly CompositionClause[];
  readonly none: readonly CompositionClause[];
  /** Every picture that is a right answer, at least LEAST_RIGHT; none that a clause names. */
  readonly right: readonly string[];
}

const LEAST_RIGHT = 3;

/** The committed queries (README.md beside them). */
export function readCompositionQueries(): CompositionQuery[] {
  return parseCompositionQueries(readFileSync(new URL("queries.jsonl", import.meta.url), "utf8"));
}

/** Reads one query a line. Throws with the number of the line that breaks a rule. */
export function parseCompositionQueries(lines: string): CompositionQuery[] {
  return lines
    .trimEnd()
    .split("\n")
    .map((line, index) => parseLine(`line ${index + 1}`, line));
}

type Line = Pick<CompositionQuery, "kind" | "sentence" | "right"> &
  Partial<Pick<CompositionQuery, "all" | "any" | "none">> & { readonly rightCount: number };

function parseLine(name: string, line: string): CompositionQuery {
  const { kind, sentence, all = [], any = [], none = [], rightCount, right } = JSON.parse(line) as Line;
  const query = { kind, sentence, all, any, none, right };
  const clauses = [...all, ...any, ...none];
  const named = new Set(picturesOf(clauses));
  demand(COMPOSITION_KINDS.includes(kind), `${name}: kind is "${kind}", expected ${COMPOSITION_KINDS.join(", ")}.`);
  demand(sentence.trim() !== "", `${name}: sentence is empty, expected the wish in plain words.`);
  demand(all.length + any.length > 0, `${name}: all and any are empty, expected something to look for.`);
  demand(clauses.every(isClause), `${name}: a clause is neither {"text"} nor {"picture"}.`);
  demand(
    right.length === rightCount,
    `${name}: rightCount is ${rightCount}, but right names ${right.length} pictures.`,
  );
  demand(right.length >= LEAST_RIGHT, `${name}: ${right.length} pictures are right, expected ${LEAST_RIGHT} or more.`);
  demand(new Set(right).size === right.length, `${name}: right names a picture twice.`);
  demand(!right.some((picture) => named.has(picture)), `${name}: right names a picture that a clause names.`);
  return query;
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

function isClause(clause: object): boolean {
  const [entry, ...more] = Object.entries(clause);
  const isMember = entry?.[0] === "text" || entry?.[0] === "picture";
  return isMember && more.length === 0 && typeof entry[1] === "string" && entry[1].trim() !== "";
}

/** The pictures among some clauses. */
export function picturesOf(clauses: readonly CompositionClause[]): string[] {
  return clauses.flatMap((clause) => ("picture" in clause ? [clause.picture] : []));
}
