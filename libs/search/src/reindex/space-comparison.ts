import type { SearchMode, SpaceCoverage } from "@medley/storage";
import { chanceOfLosses } from "./sign-test.ts";

/** How often a text finds the picture that it was written for. Shares of the queries, 0 to 1. */
export interface KnownItemFigures {
  /** By itcCosine alone. */
  readonly recallAt1: number;
  readonly recallAt10: number;
  /** After the space's own model has re-ranked the nearest. */
  readonly rerankedAt1: number;
  readonly rerankedAt10: number;
}

/** How two spaces of one corpus answered the same queries. */
export interface SpaceMeasurement {
  readonly coverage: SpaceCoverage;
  /** The nearest 10 of the search as it answers, of the exact ones; of the new space. */
  readonly index: { readonly mode: SearchMode; readonly recall: number };
  /** Texts of people and of the web, each asked in both spaces. */
  readonly queries: number;
  readonly before: KnownItemFigures;
  readonly after: KnownItemFigures;
  /** Queries whose picture comes first in the one space and not in the other, after re-ranking; and the same within 10 by itcCosine. */
  readonly first: Changes;
  readonly within10: Changes;
  /** In how many queries a model that is the same for both finds that the first 10 of the new space fit better, or worse, by mean itmLogit. */
  readonly judge: {
    readonly modelName: string;
    readonly modelFingerprint: string;
    readonly better: number;
    readonly worse: number;
  };
}

export interface Changes {
  readonly gained: number;
  readonly lost: number;
}

export type ObjectionCode = "COVERAGE" | "INDEX_RECALL" | "TOO_FEW_QUERIES" | "KNOWN_ITEMS" | "JUDGE";

/** Why the new space must not answer. */
export interface Objection {
  readonly code: ObjectionCode;
  readonly message: string;
}

/** What was measured, and what it means: with an objection the corpus stays where it is. */
export interface SpaceComparison extends SpaceMeasurement {
  readonly objections: readonly Objection[];
}

export const LEAST_COMPARED_QUERIES = 20;
const LEAST_INDEX_RECALL = 0.95;
/** Losses are held against the new space where chance makes so many less often than once in twenty times. */
const CHANCE = 0.05;
/** And where so large a share of the queries is lost on balance, however few they are. */
const LARGEST_LOSS = 0.05;

/** The gate: what speaks against the new space. */
export function objectionsTo(measured: SpaceMeasurement): Objection[] {
  const { coverage, index, queries, first, within10, judge } = measured;
  const objections: Objection[] = [];
  const object = (code: ObjectionCode, message: string) => objections.push({ code, message });
  if (coverage.missing > 0) {
    const hint = "Look at what failed, and try it again with retryFailed";
    object("COVERAGE", `${coverage.missing} of ${coverage.wanted} pictures have no vector in the new space. ${hint}.`);
  }
  if (queries < LEAST_COMPARED_QUERIES) {
    const expected = `expected at least ${LEAST_COMPARED_QUERIES}`;
    object(
      "TOO_FEW_QUERIES",
      `Only ${queries} pictures have a text of people or of the web to ask for them, ${expected}.`,
    );
    return objections;
  }
  if (index.recall < LEAST_INDEX_RECALL) {
    const expected = `expected at least ${LEAST_INDEX_RECALL}`;
    object("INDEX_RECALL", `The index of the new space finds ${share(index.recall)} of the nearest 10, ${expected}.`);
  }
  if (isWorse(first, queries)) object("KNOWN_ITEMS", describe("come first after re-ranking", first, queries));
  if (isWorse(within10, queries)) object("KNOWN_ITEMS", describe("stand among the nearest 10", within10, queries));
  if (isWorse({ gained: judge.better, lost: judge.worse }, queries)) {
    const found = `"${judge.modelName}" finds that the first 10 pictures fit worse in ${judge.worse} of ${queries} queries`;
    object("JUDGE", `${found}, and better in ${judge.better}.`);
  }
  return objections;
}

function isWorse(changes: Changes, queries: number): boolean {
  if (changes.lost <= changes.gained) return false;
  return chanceOfLosses(changes) < CHANCE || (changes.lost - changes.gained) / queries > LARGEST_LOSS;
}

function describe(what: string, { gained, lost }: Changes, queries: number): string {
  return `Of ${queries} pictures asked for by their own texts, ${lost} no longer ${what}, and ${gained} do now.`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
