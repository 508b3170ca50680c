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
  attributeSchemaOf,
  type Corpus,
  cosinesOf,
  countPassing,
  type Database,
  findCorpus,
  liveQuestions,
  questionsIn,
  requireQuestion,
  searchEmbeddings,
  searchTextEmbeddings,
  searchTexts,
  type Space,
  typedFilter,
  typedQuestionFilter,
  type VectorHit,
  type VectorSearch,
} from "@medley/storage";
import { bestScoreOf, loadSearchCalibration, matchProbabilityOf, type SearchCalibration } from "./calibration.ts";
import { type EmbeddedClauses, embedClauses } from "./embed-clauses.ts";
import { SearchError } from "./errors.ts";
import { type Facet, facetsOf } from "./facets.ts";
import type { HotTier } from "./hot-tier/hot-tier.ts";
import { type FoundByTexts, NOTHING_BY_TEXTS, poolPictures, textEvidenceOf } from "./pool.ts";
import {
  type Clause,
  MAX_CANDIDATES,
  NEAR_TEXTS,
  type SearchQuery,
  TEXT_CANDIDATES,
  type ValidQuery,
  validateQuery,
} from "./query.ts";
import { type JudgedClause, NO_TEXT_EVIDENCE, type Picture, type RankedHit, rankPictures } from "./rank.ts";
import {
  createStopwatch,
  type Degradation,
  describeFailures,
  type IndexMode,
  leastExact,
  type SearchReport,
} from "./report.ts";
import { mixVectors, takeInTurns } from "./retrieval-plan.ts";
import { type Judgement, verdictOf } from "./verdict.ts";

export interface SearchDependencies {
  readonly db: Database;
  readonly inference: Inference;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
  /** Copies of vectors in memory, which answer in the database's place while they are up to date. */
  readonly hotTier?: Pick<HotTier, "search"> | undefined;
}

export interface SearchResult {
  readonly corpusId: string;
  /** The whole list that was looked at, in the final order: at least `first` hits where the corpus has them. */
  readonly hits: readonly RankedHit[];
  /** How many pictures the answer has; AT_LEAST where the search did not look at every picture. */
  readonly total: { readonly value: number; readonly relation: "EXACT" | "AT_LEAST" };
  /** Whether the corpus holds an answer at all; null for several clauses or a picture, and where nothing tells. */
  readonly verdict: Judgement | null;
  readonly facets: readonly Facet[];
  readonly report: SearchReport;
}

/** The list is as long as four pages, or a reader of the second page would ask for it anew. */
const PAGES_LOOKED_AT = 4;

/**
 * Finds pictures of a corpus as BLIP's retrieval evaluation does: the nearest pictures by itcCosine in the corpus's active space, re-ranked by
 * itmLogit + w * itcCosine. Pictures whose own texts are near a clause or hold its words are judged as well, and the order is a mix of both
 * (`textWeight`). Each clause is judged by itself (rankPictures). When matching fails or runs out of time the order of itcCosine answers; when the
 * engine is away altogether, stored vectors and the words of texts do; `report.degraded` says so.
 * @throws SearchError; InferenceError and StorageError where the query itself is at fault
 */
export async function searchImages(dependencies: SearchDependencies, query: SearchQuery): Promise<SearchResult> {
  return searchValid(dependencies, validateQuery(query));
}

/** The same for a query that was validated already. */
export async function searchValid(dependencies: SearchDependencies, asked: ValidQuery): Promise<SearchResult> {
  const { db, inference } = dependencies;
  const stopwatch = createStopwatch(dependencies.clock ?? (() => performance.now()));
  const remainingMs = () => (asked.deadlineMs === null ? null : asked.deadlineMs - stopwatch.elapsed());

  const corpus = await requireCorpus(db, asked.corpus);
  const valid = await withTypes(db, corpus, asked);
  const space = await requireActiveSpace(db, corpus);
  const place: Place = {
    db,
    hotTier: dependencies.hotTier,
    corpus,
    space,
    valid,
    limit: lengthOfList(valid),
    named: namedImages(valid),
  };
  const embedded = await stopwatch.measure("EMBED_QUERY", () =>
    embedClauses(dependencies, space, valid.clauses, deadlineOption(remainingMs())),
  );
  const retrieved = await stopwatch.measure("RETRIEVE", () => retrieve(place, embedded));
  const matchTexts = () => searchOwnTexts(place, embedded, retrieved.pictures);
  const found = searchesTexts(valid, embedded)
    ? await stopwatch.measure("MATCH_TEXTS", matchTexts)
    : valid.clauses.map(() => NOTHING_BY_TEXTS);
  const wanted = found.filter((_, index) => valid.clauses[index]?.place !== "NONE");
  const pool = poolPictures(retrieved.pictures, wanted, valid.candidates);
  const pictures = [...pool.toMatch, ...pool.beyond];
  const cosines = await cosinesOfClauses(place, embedded, [...retrieved.pictures, ...found.flatMap(hitsOf)], pictures);
  const rerank = () => matchClauses(inference, embedded.model, valid.clauses, pool.toMatch, remainingMs());
  const rerankable = embedded.model !== null && pool.toMatch.length > 0 && valid.candidates > 0;
  const matches = rerankable && valid.clauses.some(isText) ? await stopwatch.measure("RERANK", rerank) : [];
  const judged = valid.clauses.map(
    (clause, index): JudgedClause => ({
      place: clause.place,
      cosineOf: (imageId) => cosines[index]?.get(imageId) ?? null,
      textsOf: isText(clause) ? textEvidenceOf(found[index] ?? NOTHING_BY_TEXTS) : () => NO_TEXT_EVIDENCE,
      matches: isText(clause) ? (matches[index] ?? []) : null,
    }),
  );
  const itcWeight = embedded.model?.itcWeight ?? 1;
  const calibration = await loadCalibration(place, embedded);
  const probabilityOf = calibration && ((rerankScore: number) => matchProbabilityOf(calibration, rerankScore));
  const ranking = rankPictures(pictures, judged, { itcWeight, textWeight: valid.textWeight, probabilityOf });
  const cut = cutByProbability(ranking.hits, valid.minMatch);
  // A picture that was not judged may have the wanted probability all the same.
  const judgedAll = valid.minMatch === null || ranking.hits.every(({ matchProbability }) => matchProbability !== null);
  const sawAll = judgedAll && (await sawEverything(place, pictures.length));
  return {
    corpusId: corpus.id,
    hits: cut.hits,
    total: { value: cut.hits.length, relation: sawAll ? "EXACT" : "AT_LEAST" },
    verdict: judgeAnswer(valid, calibration, ranking.hits),
    facets: await facetsOf(db, corpus.id, valid, cut.hits),
    report: {
      stages: stopwatch.stages,
      milliseconds: stopwatch.elapsed(),
      candidates: {
        requested: valid.candidates,
        retrieved: retrieved.pictures.length,
        byText: pool.byText,
        reranked: ranking.hits.filter(({ clauses }) => clauses.some(({ itmLogit }) => itmLogit !== null)).length,
      },
      indexMode: retrieved.mode,
      spaceId: space.id,
      modelName: embedded.model?.name ?? space.name,
      modelFingerprint: space.fingerprint,
      itcWeight,
      textWeight: valid.textWeight,
      degraded: [...embedded.degraded, ...describeFailures(ranking.failures, pool.toMatch.length), ...cut.degraded],
      matchFailures: ranking.failures,
    },
  };
}

/** Where a search takes place. */
interface Place {
  readonly db: Database;
  readonly hotTier: SearchDependencies["hotTier"];
  readonly corpus: { readonly id: string; readonly name: string };
  readonly space: Space;
  readonly valid: ValidQuery;
  /** How many pictures the vector search returns. */
  readonly limit: number;
  /** Images that the query names; they are no hits. */
  readonly named: ReadonlySet<string>;
}

function namedImages({ clauses }: ValidQuery): ReadonlySet<string> {
  return new Set(clauses.flatMap((clause) => (clause.kind === "image" ? clause.imageId.toLowerCase() : [])));
}

function lengthOfList({ first, candidates }: ValidQuery): number {
  return Math.min(MAX_CANDIDATES, Math.max(candidates, PAGES_LOOKED_AT * first));
}

function isText(clause: Clause): clause is Clause & { kind: "text" } {
  return clause.kind === "text";
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

/**
 * The query with its filter in the types that the corpus declares for attributes and questions.
 * @throws StorageError INVALID_VALUE also for a question, in filter or facets, that the corpus does not have
 */
async function withTypes(db: Database, { id }: Corpus, asked: ValidQuery): Promise<ValidQuery> {
  const filter = asked.filter && typedFilter(asked.filter, await attributeSchemaOf(db, id));
  const counted = asked.facets.flatMap(({ name, of }) => (of === "QUESTION" ? [name] : []));
  if (questionsIn(filter).size + counted.length === 0) return { ...asked, filter };
  const questions = await liveQuestions(db, id);
  for (const name of counted) requireQuestion(questions, name);
  return { ...asked, filter: typedQuestionFilter(filter, questions) };
}

/** A picture and its cosine with the vector that found it; null where only words did. */
type Located = Pick<Picture, "imageId" | "sha256"> & { readonly itcCosine: number | null };

function hitsOf({ byWords, byCosine }: FoundByTexts): readonly Located[] {
  return [...byWords, ...byCosine];
}

/** The nearest pictures of the wanted clauses, mixed and each by itself, in turns; without those that the query names itself. */
async function retrieve(place: Place, { vectors }: EmbeddedClauses): Promise<{ pictures: Located[]; mode: IndexMode }> {
  const { corpus, space, valid, limit, named } = place;
  const lists: Located[][] = [];
  const modes = new Set<IndexMode>();
  for (const query of mixVectors(valid.clauses, vectors)) {
    const search = { corpusId: corpus.id, spaceId: space.id, query, filter: valid.filter };
    const found = await nearestPictures(place, { ...search, limit: Math.min(MAX_CANDIDATES, limit + named.size) });
    modes.add(found.mode);
    lists.push(found.hits.filter(({ imageId }) => !named.has(imageId)));
  }
  return { pictures: takeInTurns(lists, limit), mode: leastExact(modes) };
}

async function nearestPictures(
  { db, hotTier }: Place,
  search: VectorSearch,
): Promise<{ hits: readonly VectorHit[]; mode: IndexMode }> {
  const hits = await hotTier?.search(search);
  return hits ? { hits, mode: "hotTier" } : searchEmbeddings(db, search);
}

/**
 * Without a logit to mix it with, a text would decide alone: where nothing is judged, the order of itcCosine stays. Where a clause has no vector its
 * words are all there is.
 */
function searchesTexts({ textWeight, candidates, clauses }: ValidQuery, { model }: EmbeddedClauses): boolean {
  return clauses.some(isText) && (model === null || (textWeight > 0 && candidates > 0));
}

function searchOwnTexts(
  { db, corpus, space, valid, limit, named }: Place,
  { vectors }: EmbeddedClauses,
  retrieved: readonly Located[],
): Promise<FoundByTexts[]> {
  const among = { corpusId: corpus.id, spaceId: space.id, filter: valid.filter };
  const findBy = async (clause: Clause, index: number): Promise<FoundByTexts> => {
    if (!isText(clause)) return NOTHING_BY_TEXTS;
    const query = vectors[index] ?? null;
    const near = query === null ? [] : (await searchTextEmbeddings(db, { ...among, query, limit: NEAR_TEXTS })).hits;
    const judged = [...retrieved, ...near].map(({ imageId }) => imageId);
    const most = query === null ? limit : TEXT_CANDIDATES;
    const byWords = await searchTexts(db, { ...among, query, text: clause.text, limit: most, among: judged });
    const isHit = ({ imageId }: Located) => !named.has(imageId);
    return { byWords: byWords.filter(isHit), byCosine: near.filter(isHit) };
  };
  return Promise.all(valid.clauses.map(findBy));
}

/** The cosine of each clause that has a vector and each picture. */
async function cosinesOfClauses(
  { db, space }: Place,
  { vectors }: EmbeddedClauses,
  located: readonly Located[],
  pictures: readonly Picture[],
): Promise<Map<string, number | null>[]> {
  // Of a single clause every search has told it already.
  if (vectors.length === 1) return [new Map(located.map(({ imageId, itcCosine }) => [imageId, itcCosine]))];
  const imageIds = pictures.map(({ imageId }) => imageId);
  const cosines = async (query: Float32Array | null): Promise<Map<string, number | null>> =>
    query === null || imageIds.length === 0 ? new Map() : cosinesOf(db, { spaceId: space.id, query, imageIds });
  return Promise.all(vectors.map(cosines));
}

/** Outcomes of each text clause, in the order of the clauses; empty for a clause that is a picture. */
function matchClauses(
  inference: Inference,
  model: ModelInfo | null,
  clauses: readonly Clause[],
  toMatch: readonly Picture[],
  remainingMs: number | null,
): Promise<Outcome<Match>[][]> {
  return Promise.all(
    clauses.map(async (clause) =>
      isText(clause) ? matchCandidates(inference, model, clause.text, toMatch, remainingMs) : [],
    ),
  );
}

/** What the scores of the model that answers mean here; null without a calibration, and while no model answers. */
async function loadCalibration(
  { db, corpus, space }: Place,
  { model }: EmbeddedClauses,
): Promise<SearchCalibration | null> {
  if (model === null) return null;
  return loadSearchCalibration(db, { corpusId: corpus.id, spaceId: space.id, itcWeight: model.itcWeight });
}

/** Calibrated on queries of one text; several clauses, and pictures, have no such statistic. */
function judgeAnswer(
  { clauses }: ValidQuery,
  calibration: SearchCalibration | null,
  hits: readonly RankedHit[],
): Judgement | null {
  if (clauses.length !== 1 || clauses[0]?.kind !== "text") return null;
  const textShare = Math.max(0, ...hits.map((hit) => hit.clauses[0]?.textShare ?? 0));
  return verdictOf({ calibration, best: bestScoreOf(hits), textShare });
}

/** Hits below the wanted probability, and those without any, are left out; without a calibration nothing can be, which is said. */
function cutByProbability(
  hits: readonly RankedHit[],
  minMatch: number | null,
): { hits: readonly RankedHit[]; degraded: Degradation[] } {
  if (minMatch === null) return { hits, degraded: [] };
  const kept = hits.filter(({ matchProbability }) => matchProbability !== null && matchProbability >= minMatch);
  if (hits.some(({ matchProbability }) => matchProbability !== null)) return { hits: kept, degraded: [] };
  const message = `No hit has a match probability, so that minMatch ${minMatch} could not be applied: the corpus is not calibrated, nothing was re-ranked, or a clause is a picture.`;
  return { hits, degraded: [{ stage: "RERANK", code: "NOT_CALIBRATED", message, images: hits.length }] };
}

/** Whether the list holds every picture of the corpus that passes the filter. */
async function sawEverything({ db, corpus, valid, limit, named }: Place, pictures: number): Promise<boolean> {
  if (pictures >= limit) return false;
  const seen = pictures + named.size;
  return (await countPassing(db, { corpusId: corpus.id, filter: valid.filter, most: seen + 1 })) <= seen;
}

/** One outcome per candidate, also when the call as a whole fails or its engine does not come back in time. */
async function matchCandidates(
  inference: Inference,
  model: ModelInfo | null,
  text: string,
  candidates: readonly Picture[],
  remainingMs: number | null,
): Promise<Outcome<Match>[]> {
  const failAll = (error: InferenceError) => candidates.map(() => failed<Match>(error));
  if (remainingMs !== null && remainingMs <= 0) return failAll(timeOver("before re-ranking began"));
  const images = candidates.map(({ sha256 }) => ({ sha256 }));
  const giveUp = new AbortController();
  const engineMs = remainingMs === null ? null : remainingMs - Math.min(RETURN_MS, remainingMs / 10);
  const chosen = model === null ? {} : { model: model.fingerprint };
  const options = { ...deadlineOption(engineMs), ...chosen, signal: giveUp.signal, role: "retrieval" } as const;
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
