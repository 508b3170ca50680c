import { readFileSync } from "node:fs";
import type { CaptionPair } from "../caption-pair.ts";

/** What make_fixtures.py had the reference implementations compute. */
function readFixture<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../../../fixtures/${name}`, import.meta.url), "utf8")) as Content;
}

/** A caption and its tokens with spaces between. */
export type TokenisedCaption = readonly [caption: string, tokens: string];

export const tokenFixture = readFixture<{
  readonly captions: readonly TokenisedCaption[];
  readonly knownDifferences: readonly TokenisedCaption[];
}>("tokens.json");

interface MeanAndItems {
  readonly mean: number;
  readonly perItem: readonly number[];
}

export interface ScoredSet {
  readonly pairs: readonly CaptionPair[];
  readonly bleu: { readonly corpus: readonly number[]; readonly perItem: readonly (readonly number[])[] };
  readonly rougeL: MeanAndItems;
  readonly ciderD: MeanAndItems;
}

/** By the name of the set. */
export const scoredSets = Object.entries(readFixture<Record<string, ScoredSet>>("caption-metrics.json"));

export const vqaFixture = readFixture<{
  readonly normalised: readonly (readonly [answer: string, normalised: string])[];
  readonly accuracies: readonly (readonly [answer: string, annotatorAnswers: string[], accuracy: number])[];
}>("vqa.json");

/** The largest difference of two lists of the same length, NaN when the lengths differ. */
export function largestDifference(left: readonly number[], right: readonly number[]): number {
  if (left.length !== right.length) return Number.NaN;
  return Math.max(0, ...left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN))));
}
