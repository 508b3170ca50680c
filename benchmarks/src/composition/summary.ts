import type { BootstrapDifference, BootstrapInterval } from "@medley/evaluation";
import { differenceOf, meanOf, type Precision, precisionOf } from "./precision.ts";
import { COMPOSITION_KINDS, type CompositionKind, type CompositionQuery } from "./read-queries.ts";

/** What one way of asking answered to every query, in their order. */
export interface Answers {
  readonly way: string;
  readonly rankings: readonly (readonly string[])[];
}

export const FIGURES = ["precisionAt10", "bounded"] as const;
export type Figure = (typeof FIGURES)[number];

export const SCOPES = ["ALL", ...COMPOSITION_KINDS] as const;
export type Scope = (typeof SCOPES)[number];

export interface WaySummary {
  readonly way: string;
  readonly figure: Figure;
  readonly means: Readonly<Record<Scope, BootstrapInterval>>;
}

/** By how much the first way is better. */
export interface WayDifference {
  readonly first: string;
  readonly second: string;
  readonly figure: Figure;
  readonly differences: Readonly<Record<Scope, BootstrapDifference>>;
}

/** Mean of a figure over the queries of each kind, and over all. */
export function summarise(
  queries: readonly CompositionQuery[],
  { way, rankings }: Answers,
  figure: Figure,
): WaySummary {
  const values = valuesOf(queries, rankings, figure);
  return { way, figure, means: byScope((scope) => meanOf(within(queries, values, scope))) };
}

/** Two ways on the same queries, with intervals of the paired difference. */
export function compare(
  queries: readonly CompositionQuery[],
  [first, second]: readonly [Answers, Answers],
  figure: Figure,
): WayDifference {
  const [ours, theirs] = [first, second].map(({ rankings }) => valuesOf(queries, rankings, figure));
  const differences = byScope((scope) =>
    differenceOf(within(queries, ours ?? [], scope), within(queries, theirs ?? [], scope)),
  );
  return { first: first.way, second: second.way, figure, differences };
}

/** The precision of one query's answer. */
export function judge({ right }: CompositionQuery, ranking: readonly string[] | undefined): Precision {
  if (ranking === undefined) throw new Error("Bug: a way has fewer answers than there are queries.");
  return precisionOf(ranking, right);
}

function valuesOf(queries: readonly CompositionQuery[], rankings: Answers["rankings"], figure: Figure): number[] {
  return queries.map((query, index) => judge(query, rankings[index])[figure]);
}

function within(queries: readonly CompositionQuery[], values: readonly number[], scope: Scope): number[] {
  return values.filter((_, index) => scope === "ALL" || queries[index]?.kind === (scope satisfies CompositionKind));
}

function byScope<Value>(valueOf: (scope: Scope) => Value): Record<Scope, Value> {
  return Object.fromEntries(SCOPES.map((scope) => [scope, valueOf(scope)])) as Record<Scope, Value>;
}

/** A table in Markdown: a line for each way, a column for all queries and for each kind. */
export function tableOfMeans(summaries: readonly WaySummary[]): string[] {
  const rows = summaries.map(({ way, means }) => [
    way,
    ...SCOPES.map((scope) => means[scope].estimate.toFixed(3) + (scope === "ALL" ? interval(means[scope]) : "")),
  ]);
  return markdown(["", ...SCOPES.map(title)], rows);
}

/** The same of differences, each with its interval. */
export function tableOfDifferences(differences: readonly WayDifference[]): string[] {
  const rows = differences.map(({ first, second, differences: by }) => [
    `${first} - ${second}`,
    ...SCOPES.map((scope) => signed(by[scope].estimate) + interval(by[scope])),
  ]);
  return markdown(["", ...SCOPES.map(title)], rows);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function interval({ low, high }: BootstrapInterval): string {
  return ` (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(3)}`;
}

function title(scope: Scope): string {
  return scope.toLowerCase().replaceAll("_", " ");
}
