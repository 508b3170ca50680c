import { inSpan } from "@medley/tracing";
import type { MatchFailure } from "./rank.ts";

export type SearchStage = "EMBED_QUERY" | "RETRIEVE" | "MATCH_TEXTS" | "RERANK";

export interface StageTiming {
  readonly stage: SearchStage;
  readonly milliseconds: number;
}

/** One way in which the answer is less than what was asked for. */
export interface Degradation {
  readonly stage: SearchStage;
  /** Stable cause, an inference error code such as DEADLINE_EXCEEDED. */
  readonly code: string;
  /** What happened and what it means for the order, for people. */
  readonly message: string;
  /** How many candidates it concerns. */
  readonly images: number;
}

/**
 * "exact" compared every vector of the corpus in the database; "hotTier" compared all of a copy in memory in int8 and the best exactly; "hnsw" took the
 * index, which is approximate.
 */
export type IndexMode = "exact" | "hotTier" | "hnsw";

export function leastExact(modes: ReadonlySet<IndexMode>): IndexMode {
  return (["hnsw", "hotTier"] as const).find((mode) => modes.has(mode)) ?? "exact";
}

/** What was there already and did not have to be computed. */
export interface CacheHits {
  /** Of the re-ranked pictures those whose image tokens were stored; null where nothing was re-ranked or the engine does not tell. */
  readonly imageTokens: number | null;
  /** Clauses whose vector was stored. */
  readonly vectors: number;
  /** Whether the page was cut from a kept answer. */
  readonly keptAnswer: boolean;
}

export const NO_CACHE_HITS: CacheHits = { imageTokens: null, vectors: 0, keptAnswer: false };

/** How an answer came about. */
export interface SearchReport {
  readonly stages: readonly StageTiming[];
  readonly milliseconds: number;
  readonly candidates: {
    /** How many candidates the caller wanted matched. */
    readonly requested: number;
    /** How many pictures the vector search returned (fewer in a small corpus, more when `first` is larger). */
    readonly retrieved: number;
    /** How many more were found by their own texts alone. */
    readonly byText: number;
    /** How many of both have a logit of the matching head. */
    readonly reranked: number;
  };
  /** Of several searches the least exact one. */
  readonly indexMode: IndexMode;
  /** Share of the truly nearest pictures that such searches have found lately, 0 to 1 (RecallMeter); 1 for "exact", null while nothing is known. */
  readonly estimatedRecall: number | null;
  readonly cacheHits: CacheHits;
  readonly spaceId: string;
  readonly modelName: string;
  readonly modelFingerprint: string;
  /** w of the order itmLogit + w * itcCosine. */
  readonly itcWeight: number;
  /** Share of the pictures' own texts in the order of the hits that were re-ranked. */
  readonly textWeight: number;
  /** Empty when nothing was cut. */
  readonly degraded: readonly Degradation[];
  /** Candidates that the matching head could not judge, with the reason of each. */
  readonly matchFailures: readonly MatchFailure[];
}

/** What stages are called in traces. */
const SPANS = {
  EMBED_QUERY: "encode query",
  RETRIEVE: "vector search",
  MATCH_TEXTS: "text search",
  RERANK: "re-rank",
} as const satisfies Record<SearchStage, string>;

export interface Stopwatch {
  /** The stages that have ended. */
  readonly stages: readonly StageTiming[];
  readonly elapsed: () => number;
  readonly measure: <T>(stage: SearchStage, work: () => Promise<T>) => Promise<T>;
}

/** Measures consecutive stages, each a span of the caller's trace; the clock returns milliseconds and must not go backwards. */
export function createStopwatch(clock: () => number): Stopwatch {
  const startedAt = clock();
  const stages: StageTiming[] = [];
  return {
    stages,
    elapsed: () => clock() - startedAt,
    async measure<T>(stage: SearchStage, work: () => Promise<T>): Promise<T> {
      const stageStartedAt = clock();
      try {
        return await inSpan(SPANS[stage], { "medley.search.stage": stage }, work);
      } finally {
        stages.push({ stage, milliseconds: clock() - stageStartedAt });
      }
    },
  };
}

/** Says in one line per cause which candidates were not re-ranked. */
export function describeFailures(failures: readonly MatchFailure[], asked: number): Degradation[] {
  const byCode = Map.groupBy(failures, (failure) => failure.code);
  return [...byCode].map(([code, sameCode]) => ({
    stage: "RERANK",
    code,
    images: sameCode.length,
    message: failureSentence(sameCode, asked),
  }));
}

function failureSentence(failures: readonly MatchFailure[], asked: number): string {
  const cause = failures[0]?.message ?? "";
  if (failures.length === asked) return `Nothing was re-ranked; hits are in the order of itcCosine. Cause: ${cause}`;
  return `${failures.length} of ${asked} candidates not re-ranked; they stand below the others. First cause: ${cause}`;
}
