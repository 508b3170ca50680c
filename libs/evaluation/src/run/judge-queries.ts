import type { Match, Outcome } from "@medley/inference-api";
import { ranksOf } from "../metrics/retrieval.ts";
import { cosinesOf, type Gallery, topRows } from "./cosine-order.ts";
import { requireOutcome } from "./embed.ts";
import type { TaskName } from "../datasets/tasks.ts";
import type { Failure, OrderedBy } from "./result.ts";
import { failureOf, mapConcurrently, type RunContext } from "./run-context.ts";

/** A query: a text that looks for pictures, or a picture that looks for texts. */
export interface Query {
  /** float32 [dimensions], L2 norm 1. */
  readonly embedding: Float32Array;
  /** Rows of the gallery that answer it; empty for a query without an answer. */
  readonly right: readonly number[];
  /** Judges rows of the gallery with the matching head, one outcome each, in order. */
  readonly match: (rows: readonly number[]) => Promise<Outcome<Match>[]>;
  /** How failures name it. */
  readonly name: string;
}

/** What became of a query under each order. */
export interface JudgedQuery {
  /** Rank from 1 of the best right row; infinite for a query without an answer. Only "itc" where nothing was re-ranked. */
  readonly ranks: Readonly<Partial<Record<OrderedBy, number>>>;
  /** Highest score in the gallery. */
  readonly highest: Readonly<Partial<Record<OrderedBy, number>>>;
  /** First rows of the last order, best first. */
  readonly first: readonly { readonly row: number; readonly cosine: number; readonly itmLogit: number | null }[];
}

const KEPT_ROWS = 4;
/** Pairs that wait in the engine at once: its queue takes 4,096. */
const PAIRS_IN_FLIGHT = 1024;
const MAX_QUERIES_IN_FLIGHT = 16;

/**
 * Runs queries as BLIP's retrieval evaluation does: all rows by itcCosine, the first `rerank` of them again by the matching head;
 * the rest stays behind them in the order of itcCosine, and so does a row whose match failed.
 */
export async function judgeQueries(
  context: RunContext,
  task: TaskName,
  step: string,
  gallery: Gallery,
  queries: readonly Query[],
  failures: Failure[],
): Promise<JudgedQuery[]> {
  const { rerank } = context.settings;
  const inFlight = Math.max(2, Math.min(MAX_QUERIES_IN_FLIGHT, Math.floor(PAIRS_IN_FLIGHT / Math.max(1, rerank))));
  return await mapConcurrently(
    queries,
    inFlight,
    async (query) => {
      const cosines = cosinesOf(gallery, query.embedding);
      const rows = topRows(cosines, Math.max(rerank, KEPT_ROWS));
      const matched = rows.slice(0, rerank);
      const outcomes = rerank === 0 ? [] : await query.match(matched);
      if (rerank === 0) await yieldToOthers();
      failures.push(...failuresOf(task, query, outcomes));
      const logits = rows.map((_, place) => (place < rerank ? logitOf(outcomes[place]) : null));
      return judge(query, cosines, rows, logits, context.settings);
    },
    (done) => context.onProgress({ task, step, done, total: queries.length }),
  );
}

function logitOf(outcome: Outcome<Match> | undefined): number | null {
  const given = requireOutcome(outcome);
  return given.ok ? given.value.itmLogit : null;
}

/** One for each cause: an engine that fails on every pair of COCO would otherwise leave millions. */
function failuresOf(task: TaskName, query: Query, outcomes: readonly Outcome<Match>[]): Failure[] {
  const errors = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]));
  return [...Map.groupBy(errors, ({ code }) => code)].map(([code, same]) => {
    const share = `${same.length} of ${outcomes.length} pairs not matched; they stand behind the others`;
    return failureOf(task, query.name, { code, message: `${share}. First cause: ${same[0]?.message ?? ""}` });
  });
}

interface Row {
  readonly row: number;
  readonly cosine: number;
  readonly itmLogit: number | null;
}

function judge(
  { right }: Query,
  cosines: Float32Array,
  order: readonly number[],
  logits: readonly (number | null)[],
  { rerank, itcWeight }: { readonly rerank: number; readonly itcWeight: number },
): JudgedQuery {
  const rows = order.map(
    (row, place): Row => ({ row, cosine: cosines[row] as number, itmLogit: logits[place] ?? null }),
  );
  const itcRank = right.length > 0 ? rankOf(cosines, right) : Number.POSITIVE_INFINITY;
  const highestCosine = rows[0]?.cosine ?? Number.NaN;
  if (rerank === 0) {
    return { ranks: { itc: itcRank }, highest: { itc: highestCosine }, first: rows.slice(0, KEPT_ROWS) };
  }
  const matched = rows.slice(0, rerank);
  const sum = (row: Row) => (row.itmLogit === null ? Number.NEGATIVE_INFINITY : row.itmLogit + itcWeight * row.cosine);
  const logit = (row: Row) => row.itmLogit ?? Number.NEGATIVE_INFINITY;
  // Positions among the matched rows; without any, the rank is that of itcCosine, because what is not matched keeps its order.
  const rightPlaces = matched.flatMap(({ row }, place) => (right.includes(row) ? [place] : []));
  const rankBy = (score: (row: Row) => number) =>
    rightPlaces.length === 0 ? itcRank : rankOf(matched.map(score), rightPlaces);
  return {
    ranks: { itc: itcRank, itm: rankBy(logit), "itm+itc": rankBy(sum) },
    highest: {
      itc: highestCosine,
      itm: Math.max(...matched.map(logit)),
      "itm+itc": Math.max(...matched.map(sum)),
    },
    first: [...byScore(matched, sum), ...rows.slice(rerank)].slice(0, KEPT_ROWS),
  };
}

/** Best first; equal scores keep their order, which is that of itcCosine. */
function byScore(rows: readonly Row[], score: (row: Row) => number): Row[] {
  return rows.toSorted((a, b) => {
    const [first, second] = [score(a), score(b)];
    return first === second ? 0 : second - first;
  });
}

function rankOf(scores: ArrayLike<number>, right: readonly number[]): number {
  return ranksOf([scores], [right])[0] ?? Number.POSITIVE_INFINITY;
}

/** Comparing cosines never waits for anything; timers and signals must still be served between queries. */
function yieldToOthers(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
