import {
  failed,
  type Inference,
  InferenceError,
  type Match,
  type ModelInfo,
  type Outcome,
} from "@medley/inference-api";
import {
  activeSpace,
  type Database,
  findCorpus,
  searchEmbeddings,
  searchTextEmbeddings,
  searchTexts,
  type Space,
  type VectorHit,
} from "@medley/storage";
import { SearchError } from "./errors.ts";
import { requireModel } from "./models.ts";
import { NEAR_TEXTS, type SearchQuery, TEXT_CANDIDATES, type ValidQuery, validateQuery } from "./query.ts";
import { type FoundByTexts, poolCandidates } from "./pool.ts";
import { type Candidate, type RankedHit, rankCandidates } from "./rank.ts";
import { createStopwatch, describeFailures, type SearchReport } from "./report.ts";

export interface SearchDependencies {
  readonly db: Database;
  readonly inference: Inference;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
}

export interface SearchResult {
  /** At most `first` hits in the final order. */
  readonly hits: readonly RankedHit[];
  readonly report: SearchReport;
}

/**
 * Finds pictures of a corpus for a text as BLIP's retrieval evaluation does: the nearest pictures by itcCosine in the
 * corpus's active space, re-ranked by itmLogit + w * itcCosine. Pictures whose own texts are near the query or hold its words are judged
 * as well, and the order is a mix of both (`textWeight`). When matching fails or runs out of time the order of itcCosine answers, and
 * `report.degraded` says so; without the query's embedding there is no answer and the error is thrown.
 */
export async function searchImages(dependencies: SearchDependencies, query: SearchQuery): Promise<SearchResult> {
  const { db, inference } = dependencies;
  const stopwatch = createStopwatch(dependencies.clock ?? (() => performance.now()));
  const valid = validateQuery(query);
  const remainingMs = () => (valid.deadlineMs === null ? null : valid.deadlineMs - stopwatch.elapsed());

  const corpus = await requireCorpus(db, valid.corpus);
  const space = await requireActiveSpace(db, corpus);
  const embedded = await stopwatch.measure("EMBED_QUERY", () =>
    embedQuery(inference, space, valid.text, remainingMs()),
  );
  const retrieved = await stopwatch.measure("RETRIEVE", () =>
    searchEmbeddings(db, {
      corpusId: corpus.id,
      spaceId: space.id,
      query: embedded.vector,
      limit: Math.max(valid.first, valid.candidates),
    }),
  );
  const matchTexts = () => searchOwnTexts(db, valid, { corpus, space }, embedded.vector, retrieved.hits);
  const byTexts = searchesTexts(valid) ? await stopwatch.measure("MATCH_TEXTS", matchTexts) : NOTHING_BY_TEXTS;
  const pool = poolCandidates(retrieved.hits, byTexts, valid.candidates);
  const rerank = () => matchCandidates(inference, valid.text, pool.toMatch, remainingMs());
  const matches = pool.toMatch.length === 0 ? [] : await stopwatch.measure("RERANK", rerank);
  const weights = { itc: embedded.model.itcWeight, text: valid.textWeight };
  const ranking = rankCandidates([...pool.toMatch, ...pool.beyond], matches, weights);
  return {
    hits: ranking.hits.slice(0, valid.first),
    report: {
      stages: stopwatch.stages,
      milliseconds: stopwatch.elapsed(),
      candidates: {
        requested: valid.candidates,
        retrieved: retrieved.hits.length,
        byText: pool.byText,
        reranked: pool.toMatch.length - ranking.failures.length,
      },
      indexMode: retrieved.mode,
      spaceId: space.id,
      modelName: embedded.model.name,
      modelFingerprint: embedded.model.fingerprint,
      itcWeight: embedded.model.itcWeight,
      textWeight: valid.textWeight,
      degraded: describeFailures(ranking.failures, pool.toMatch.length),
      matchFailures: ranking.failures,
    },
  };
}

async function requireCorpus(db: Database, name: ValidQuery["corpus"]) {
  const corpus = await findCorpus(db, name);
  if (corpus === null) {
    throw new SearchError(
      "CORPUS_NOT_FOUND",
      `There is no corpus "${name}". List the corpora, or ingest into it first.`,
    );
  }
  return corpus;
}

async function requireActiveSpace(db: Database, corpus: { id: string; name: string }): Promise<Space> {
  const space = await activeSpace(db, corpus.id);
  if (space === null) {
    const hint = `Ingest pictures into it: medley ingest PATH --corpus ${corpus.name}`;
    throw new SearchError("NO_ACTIVE_SPACE", `Corpus "${corpus.name}" has no active embedding space. ${hint}`);
  }
  return space;
}

/** The space decides which model may embed the query, so query and index can never disagree. */
async function embedQuery(
  inference: Inference,
  space: Space,
  text: string,
  remainingMs: number | null,
): Promise<{ model: ModelInfo; vector: Float32Array }> {
  const model = requireModel(await inference.models(), "retrieval");
  if (model.fingerprint !== space.fingerprint) {
    const found = `The retrieval model "${model.name}" has fingerprint ${model.fingerprint}`;
    const expected = `the active space "${space.name}" was built with ${space.fingerprint}`;
    const hint = "Serve the model that built the space, or build a space for this one: medley reindex";
    throw new SearchError("MODEL_MISMATCH", `${found}, but ${expected}. ${hint}`);
  }
  const [outcome] = await inference.embedTexts([text], deadlineOption(remainingMs));
  if (outcome === undefined) throw new Error("Bug: embedTexts returned no outcome for one text");
  if (!outcome.ok) throw outcome.error;
  return { model, vector: outcome.value };
}

/** Without a logit to mix it with, a text would decide alone: where nothing is judged, the order of itcCosine stays. */
function searchesTexts({ textWeight, candidates }: ValidQuery): boolean {
  return textWeight > 0 && candidates > 0;
}

const NOTHING_BY_TEXTS: FoundByTexts = { byWords: [], byCosine: [] };

async function searchOwnTexts(
  db: Database,
  { text }: ValidQuery,
  { corpus, space }: { corpus: { id: string }; space: Space },
  vector: Float32Array,
  retrieved: readonly VectorHit[],
): Promise<FoundByTexts> {
  const among = { corpusId: corpus.id, spaceId: space.id, query: vector };
  const near = await searchTextEmbeddings(db, { ...among, limit: NEAR_TEXTS });
  const judged = [...retrieved, ...near.hits].map(({ imageId }) => imageId);
  const byWords = await searchTexts(db, { ...among, text, limit: TEXT_CANDIDATES, among: judged });
  return { byWords, byCosine: near.hits };
}

/** One outcome per candidate, also when the call as a whole fails or its engine does not come back in time. */
async function matchCandidates(
  inference: Inference,
  text: string,
  candidates: readonly Candidate[],
  remainingMs: number | null,
): Promise<Outcome<Match>[]> {
  const failAll = (error: InferenceError) => candidates.map(() => failed<Match>(error));
  if (remainingMs !== null && remainingMs <= 0) return failAll(timeOver("before re-ranking began"));
  const images = candidates.map(({ sha256 }) => ({ sha256 }));
  const giveUp = new AbortController();
  const engineMs = remainingMs === null ? null : remainingMs - Math.min(RETURN_MS, remainingMs / 10);
  const options = { ...deadlineOption(engineMs), signal: giveUp.signal, role: "retrieval" } as const;
  try {
    const matches = await withinDeadline(inference.matchImages(text, images, options), remainingMs);
    if (matches.length === candidates.length) return matches;
    throw new InferenceError(
      "ENGINE_FAILED",
      `matchImages returned ${matches.length} of ${candidates.length} outcomes`,
    );
  } catch (error) {
    giveUp.abort();
    if (error instanceof InferenceError) return failAll(error);
    throw error;
  }
}

/** Kept back from the engine's deadline, so that what it has finished by then arrives within the search's. */
const RETURN_MS = 500;
/** How much longer than the search's deadline an engine may take to hand that back, before it counts as hung. */
const GRACE_MS = 1000;

async function withinDeadline<T>(work: Promise<T>, remainingMs: number | null): Promise<T> {
  if (remainingMs === null) return work;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(timeOver("and the engine did not answer")), remainingMs + GRACE_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function timeOver(when: string): InferenceError {
  return new InferenceError("DEADLINE_EXCEEDED", `The search's deadline passed ${when}. Ask for fewer candidates.`);
}

/** The engine's own clock counts whole milliseconds from when it is called. */
function deadlineOption(remainingMs: number | null): { deadlineMs?: number } {
  return remainingMs === null ? {} : { deadlineMs: Math.max(1, Math.floor(remainingMs)) };
}
