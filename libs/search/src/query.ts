import { SearchError } from "./errors.ts";

export const DEFAULT_FIRST = 20;
export const MAX_FIRST = 500;
/** BLIP's k_test is 128 on Flickr30k and 256 on COCO; 128 keeps a CPU answer in seconds. */
export const DEFAULT_CANDIDATES = 128;
export const MAX_CANDIDATES = 1000;
/** A picture whose own texts say everything that was asked counts as much as the one that BLIP finds best. */
export const DEFAULT_TEXT_WEIGHT = 0.5;
/** How many pictures are judged besides the nearest ones because their texts hold words of the query, and how many because they are near. */
export const TEXT_CANDIDATES = 32;
/** How many pictures are taken for the nearness of their texts: the candidates, and what these are compared with. */
export const NEAR_TEXTS = 128;
/** BLIP reads at most a few dozen tokens of a query; more than this is a mistake of the caller, not a query. */
export const MAX_TEXT_CHARACTERS = 2000;

export interface SearchQuery {
  /** Name of the corpus. */
  readonly corpus: string;
  readonly text: string;
  /** How many hits to return, 1..500. */
  readonly first?: number;
  /** How many of the nearest pictures the matching head judges, 0..1000; 0 keeps the order of itcCosine. */
  readonly candidates?: number;
  /**
   * Share of the pictures' own texts (captions of people and of the web, names of files and folders) in the order of re-ranked pictures,
   * 0..1; 0 orders by what BLIP sees alone.
   */
  readonly textWeight?: number;
  /** Milliseconds for the whole search. When they run out during re-ranking, the answer is degraded and says so. */
  readonly deadlineMs?: number;
}

export interface ValidQuery {
  readonly corpus: string;
  readonly text: string;
  readonly first: number;
  readonly candidates: number;
  readonly textWeight: number;
  readonly deadlineMs: number | null;
}

/** Refuses a query that cannot be meant, naming the argument, its value and what was expected. */
export function validateQuery(query: SearchQuery): ValidQuery {
  const first = query.first ?? DEFAULT_FIRST;
  const candidates = query.candidates ?? DEFAULT_CANDIDATES;
  const textWeight = query.textWeight ?? DEFAULT_TEXT_WEIGHT;
  const deadlineMs = query.deadlineMs ?? null;
  requireInteger("first", first, 1, MAX_FIRST);
  requireInteger("candidates", candidates, 0, MAX_CANDIDATES);
  if (!(textWeight >= 0 && textWeight <= 1)) {
    throw new SearchError("INVALID_QUERY", `textWeight is ${textWeight}, expected a number from 0 to 1.`);
  }
  if (deadlineMs !== null && !(deadlineMs > 0)) {
    throw new SearchError("INVALID_QUERY", `deadlineMs is ${deadlineMs}, expected more than 0.`);
  }
  return { corpus: query.corpus, text: requireText("text", query.text), first, candidates, textWeight, deadlineMs };
}

/** The text without white space around it; refuses an empty one and one far longer than any model reads. */
export function requireText(name: string, text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") throw new SearchError("INVALID_QUERY", `${name} is empty, expected at least one word.`);
  if (trimmed.length > MAX_TEXT_CHARACTERS) {
    const found = `${name} has ${trimmed.length} characters`;
    throw new SearchError("INVALID_QUERY", `${found}, expected at most ${MAX_TEXT_CHARACTERS}.`);
  }
  return trimmed;
}

export function requireInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SearchError("INVALID_QUERY", `${name} is ${value}, expected a whole number from ${least} to ${most}.`);
}
