import type { Inference } from "@medley/inference-api";
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
  type SearchSessionPart,
  searchTexts,
  type SharedReads,
  type Space,
  typedFilter,
  typedQuestionFilter,
  type VectorHit,
  type VectorSearch,
} from "@medley/storage";
import { loadSearchCalibration, type SearchCalibration } from "./calibration.ts";
import { type EmbeddedClauses, embedClauses } from "./embed-clauses.ts";
import { SearchError } from "./errors.ts";
import type { HotTier } from "./hot-tier/hot-tier.ts";
import { deadlineOption } from "./judge-candidates.ts";
import { type FoundByTexts, NOTHING_BY_TEXTS, type Pool, poolPictures, textEvidenceOf } from "./pool.ts";
import { type Clause, MAX_CANDIDATES, NEAR_TEXTS, TEXT_CANDIDATES, type ValidQuery } from "./query.ts";
import { type ClauseFindings, NO_TEXT_EVIDENCE, type Picture } from "./rank.ts";
import { type IndexMode, leastExact, type Stopwatch } from "./report.ts";
import { mixVectors, takeInTurns } from "./retrieval-plan.ts";

export interface SearchDependencies {
  readonly db: Database;
  readonly inference: Inference;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
  /** How long a search waits for an engine whose queue is full; 5 seconds when absent. */
  readonly patienceMs?: number | undefined;
  /** Reads parts of kept answers, as findSearchSessions does, for many searches at once; absent: each search reads its own. */
  readonly sessions?: SharedReads<SearchSessionPart> | undefined;
  /** Copies of vectors in memory, which answer in the database's place while they are up to date. */
  readonly hotTier?: Pick<HotTier, "search"> | undefined;
}

/** What is known of a query's pictures before the matching head reads any of them. */
export interface Findings {
  readonly place: Place;
  readonly embedded: EmbeddedClauses;
  /** How many pictures the vector search returned, and how it found them. */
  readonly retrieved: { readonly count: number; readonly mode: IndexMode };
  readonly pool: Pool;
  /** All that the answer may show: those to be matched first. */
  readonly pictures: readonly Picture[];
  /** In the order of the query's clauses. */
  readonly clauses: readonly ClauseFindings[];
  /** What the scores of the model that answers mean here; null without a calibration, and while no model answers. */
  readonly calibration: SearchCalibration | null;
}

export interface GatherOptions {
  readonly stopwatch: Stopwatch;
  readonly remainingMs: () => number | null;
  /** Repeats a call that is refused because the engine's queue is full. */
  readonly outwait: <T>(call: () => Promise<T>) => Promise<T>;
  /** Gives the search up. */
  readonly signal: AbortSignal | undefined;
}

/** The stages of a search before re-ranking. Rejects with the signal's reason, and as `searchImages` does. */
export async function gatherFindings(
  dependencies: SearchDependencies,
  asked: ValidQuery,
  { stopwatch, remainingMs, outwait, signal }: GatherOptions,
): Promise<Findings> {
  const { db, hotTier } = dependencies;
  const corpus = await requireCorpus(db, asked.corpus);
  const valid = await withTypes(db, corpus, asked);
  const space = await requireActiveSpace(db, corpus);
  const place = { db, hotTier, corpus, space, valid, limit: lengthOfList(valid), named: namedImages(valid) };
  const embedded = await stopwatch.measure("EMBED_QUERY", () =>
    embedClauses({ ...dependencies, outwait }, space, valid.clauses, () => ({
      ...deadlineOption(remainingMs()),
      ...(signal && { signal }),
    })),
  );
  signal?.throwIfAborted();
  const retrieved = await stopwatch.measure("RETRIEVE", () => retrieve(place, embedded));
  const matchTexts = () => searchOwnTexts(place, embedded, retrieved.pictures);
  const found = searchesTexts(valid, embedded)
    ? await stopwatch.measure("MATCH_TEXTS", matchTexts)
    : valid.clauses.map(() => NOTHING_BY_TEXTS);
  const wanted = found.filter((_, index) => valid.clauses[index]?.place !== "NONE");
  const pool = poolPictures(retrieved.pictures, wanted, valid.candidates);
  const pictures = [...pool.toMatch, ...pool.beyond];
  const cosines = await cosinesOfClauses(place, embedded, [...retrieved.pictures, ...found.flatMap(hitsOf)], pictures);
  const clauses = valid.clauses.map(
    (clause, index): ClauseFindings => ({
      place: clause.place,
      isText: isText(clause),
      cosineOf: (imageId) => cosines[index]?.get(imageId) ?? null,
      textsOf: isText(clause) ? textEvidenceOf(found[index] ?? NOTHING_BY_TEXTS) : () => NO_TEXT_EVIDENCE,
    }),
  );
  const calibration = await loadCalibration(place, embedded);
  signal?.throwIfAborted();
  const { mode } = retrieved;
  return {
    place,
    embedded,
    retrieved: { count: retrieved.pictures.length, mode },
    pool,
    pictures,
    clauses,
    calibration,
  };
}

/** Whether the list holds every picture of the corpus that passes the filter. */
export async function sawEverything({ db, corpus, valid, limit, named }: Place, pictures: number): Promise<boolean> {
  if (pictures >= limit) return false;
  const seen = pictures + named.size;
  return (await countPassing(db, { corpusId: corpus.id, filter: valid.filter, most: seen + 1 })) <= seen;
}

/** Where a search takes place. */
export interface Place {
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

/** The list is as long as four pages, or a reader of the second page would ask for it anew. */
const PAGES_LOOKED_AT = 4;

export function isText(clause: Clause): clause is Clause & { kind: "text" } {
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

async function loadCalibration(
  { db, corpus, space }: Place,
  { model }: EmbeddedClauses,
): Promise<SearchCalibration | null> {
  if (model === null) return null;
  return loadSearchCalibration(db, { corpusId: corpus.id, spaceId: space.id, itcWeight: model.itcWeight });
}
