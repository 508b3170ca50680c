import type { ImageFilter } from "@medley/storage";
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
/** Every text clause costs a pass of the matching head over all candidates. */
export const MAX_CLAUSES = 8;
/** Each is a search of its own in the database. */
export const MAX_CORPORA = 16;
/** Pictures to search with come inside a JSON request; larger ones are ingested, and named by their id. */
export const MAX_PICTURE_BYTES = 700_000;
export const MAX_URL_CHARACTERS = 2000;
export const MAX_FACETS = 8;
export const DEFAULT_FACET_VALUES = 10;
export const MAX_FACET_VALUES = 100;

/** One thing to look for: exactly one member. */
export interface SearchClause {
  readonly text?: string | undefined;
  /** An image of any corpus; itself it is never a hit. */
  readonly imageId?: string | undefined;
  /** An encoded picture (JPEG, PNG, ...) that need not be stored. */
  readonly picture?: Uint8Array | undefined;
  /** Address of a picture that is fetched for the search and not stored. */
  readonly url?: string | undefined;
}

/** What a facet counts: values that came with the pictures, or what a model answered. */
export type FacetSource = "ATTRIBUTE" | "QUESTION";

export interface FacetRequest {
  /** Name of the attribute, or of the question. */
  readonly name: string;
  /** ATTRIBUTE when absent. */
  readonly of?: FacetSource | undefined;
  /** How many values to return, 1..100; 10 when absent. */
  readonly first?: number | undefined;
}

export interface SearchQuery {
  /** Name of the corpus. */
  readonly corpus?: string | undefined;
  /** Names of several that are searched as one, 1..16; instead of `corpus`. */
  readonly corpora?: readonly string[] | undefined;
  /** Each of these should fit. */
  readonly all?: readonly SearchClause[] | undefined;
  /** At least one of these should fit. */
  readonly any?: readonly SearchClause[] | undefined;
  /** None of these should fit. */
  readonly none?: readonly SearchClause[] | undefined;
  /** Only pictures that pass; no hit is lost by it. */
  readonly filter?: ImageFilter | undefined;
  /** How many hits a page has, 1..500. */
  readonly first?: number | undefined;
  /** How many of the nearest pictures the matching head judges, 0..1000; 0 keeps the order of itcCosine. */
  readonly candidates?: number | undefined;
  /**
   * Share of the pictures' own texts (captions of people and of the web, names of files and folders) in the order of re-ranked pictures,
   * 0..1; 0 orders by what BLIP sees alone.
   */
  readonly textWeight?: number | undefined;
  /** Only hits with at least this match probability, 0..1. */
  readonly minMatch?: number | undefined;
  readonly facets?: readonly FacetRequest[] | undefined;
  /** Milliseconds for the whole search. When they run out during re-ranking, the answer is degraded and says so. */
  readonly deadlineMs?: number | undefined;
}

/** How a clause counts. */
export type ClausePlace = "ALL" | "ANY" | "NONE";

export type Clause = { readonly place: ClausePlace } & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image"; readonly imageId: string }
  | { readonly kind: "picture"; readonly bytes: Uint8Array }
  | { readonly kind: "url"; readonly url: string }
);

export interface ValidQuery {
  /** At least one. */
  readonly corpora: readonly string[];
  /** Those of `all` first, then `any`, then `none`. */
  readonly clauses: readonly Clause[];
  readonly filter: ImageFilter | undefined;
  readonly first: number;
  readonly candidates: number;
  readonly textWeight: number;
  readonly minMatch: number | null;
  readonly facets: readonly { readonly name: string; readonly of: FacetSource; readonly first: number }[];
  readonly deadlineMs: number | null;
}

/** Refuses a query that cannot be meant, naming the argument, its value and what was expected. */
export function validateQuery(query: SearchQuery): ValidQuery {
  const first = query.first ?? DEFAULT_FIRST;
  const candidates = query.candidates ?? DEFAULT_CANDIDATES;
  const textWeight = query.textWeight ?? DEFAULT_TEXT_WEIGHT;
  const minMatch = query.minMatch ?? null;
  const deadlineMs = query.deadlineMs ?? null;
  requireInteger("first", first, 1, MAX_FIRST);
  requireInteger("candidates", candidates, 0, MAX_CANDIDATES);
  requireShare("textWeight", textWeight);
  if (minMatch !== null) requireShare("minMatch", minMatch);
  if (deadlineMs !== null && !(deadlineMs > 0)) {
    throw new SearchError("INVALID_QUERY", `deadlineMs is ${deadlineMs}, expected more than 0.`);
  }
  const { filter } = query;
  const corpora = validateCorpora(query);
  const clauses = validateClauses(query);
  return {
    corpora,
    clauses,
    filter,
    first,
    candidates,
    textWeight,
    minMatch,
    facets: validateFacets(query),
    deadlineMs,
  };
}

function validateCorpora({ corpus, corpora }: SearchQuery): readonly string[] {
  if ((corpus === undefined) === (corpora === undefined)) {
    const found = corpus === undefined ? "Neither corpus nor corpora is given" : "corpus and corpora are both given";
    throw new SearchError("INVALID_QUERY", `${found}, expected exactly one of them.`);
  }
  const names = corpora ?? [corpus ?? ""];
  if (names.length >= 1 && names.length <= MAX_CORPORA) return names;
  throw new SearchError("INVALID_QUERY", `corpora has ${names.length} names, expected 1 to ${MAX_CORPORA}.`);
}

function validateClauses({ all = [], any = [], none = [] }: SearchQuery): Clause[] {
  const clauses = [
    ...all.map((clause, index) => validateClause("ALL", `all[${index}]`, clause)),
    ...any.map((clause, index) => validateClause("ANY", `any[${index}]`, clause)),
    ...none.map((clause, index) => validateClause("NONE", `none[${index}]`, clause)),
  ];
  if (all.length + any.length === 0) {
    const hint = "A search needs something to look for; none alone takes away from nothing.";
    throw new SearchError("INVALID_QUERY", `all and any are empty, expected at least one clause. ${hint}`);
  }
  if (clauses.length <= MAX_CLAUSES) return clauses;
  throw new SearchError("INVALID_QUERY", `The query has ${clauses.length} clauses, expected at most ${MAX_CLAUSES}.`);
}

function validateClause(place: ClausePlace, name: string, { text, imageId, picture, url }: SearchClause): Clause {
  const given = [text, imageId, picture, url].filter((member) => member !== undefined).length;
  if (given !== 1) {
    const found = `${name} has ${given} of text, imageId, picture and url`;
    throw new SearchError("INVALID_QUERY", `${found}, expected exactly one.`);
  }
  if (text !== undefined) return { place, kind: "text", text: requireText(`${name}.text`, text) };
  if (imageId !== undefined) return { place, kind: "image", imageId };
  if (url !== undefined) return { place, kind: "url", url: requireUrl(`${name}.url`, url) };
  const bytes = picture ?? new Uint8Array();
  if (bytes.length === 0 || bytes.length > MAX_PICTURE_BYTES) {
    const found = `${name}.picture has ${bytes.length} bytes, expected 1 to ${MAX_PICTURE_BYTES}`;
    throw new SearchError("INVALID_QUERY", `${found}. Send a smaller one: models read a few hundred pixels.`);
  }
  return { place, kind: "picture", bytes };
}

function validateFacets({ facets = [] }: SearchQuery): ValidQuery["facets"] {
  if (facets.length > MAX_FACETS) {
    throw new SearchError("INVALID_QUERY", `${facets.length} facets are asked for, expected at most ${MAX_FACETS}.`);
  }
  return facets.map(({ name, of = "ATTRIBUTE", first = DEFAULT_FACET_VALUES }, index) => {
    if (name.trim() === "") throw new SearchError("INVALID_QUERY", `facets[${index}].name is empty.`);
    requireInteger(`facets[${index}].first`, first, 1, MAX_FACET_VALUES);
    return { name, of, first };
  });
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

/** Whether anything may be fetched from it is for whoever fetches. */
function requireUrl(name: string, url: string): string {
  if (url.length <= MAX_URL_CHARACTERS && URL.canParse(url)) return url;
  const expected = `expected one of http or https of at most ${MAX_URL_CHARACTERS} characters`;
  throw new SearchError("INVALID_QUERY", `${name} is no address: "${url.slice(0, 80)}", ${expected}.`);
}

export function requireInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SearchError("INVALID_QUERY", `${name} is ${value}, expected a whole number from ${least} to ${most}.`);
}

function requireShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new SearchError("INVALID_QUERY", `${name} is ${value}, expected a number from 0 to 1.`);
}
