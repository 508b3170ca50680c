import type { Inference } from "@medley/inference-api";
import {
  corporaOfImages,
  cosinesOf,
  type Database,
  type NearText,
  searchEmbeddings,
  searchTextEmbeddings,
  type SearchSessionPart,
  searchTexts,
  type SharedReads,
  type VectorHit,
  type VectorSearch,
} from "@medley/storage";
import { loadSearchCalibration, type SearchCalibration } from "./calibration.ts";
import { type EmbeddedClauses, embedClauses, type FetchPicture } from "./embed-clauses.ts";
import type { HotTier } from "./hot-tier/hot-tier.ts";
import { deadlineOption } from "./judge-candidates.ts";
import { mergeNearest, mergeNearTexts } from "./merge-corpora.ts";
import { type FoundByTexts, NOTHING_BY_TEXTS, type Pool, poolPictures, textEvidenceOf } from "./pool.ts";
import { type Clause, MAX_CANDIDATES, NEAR_TEXTS, TEXT_CANDIDATES, type ValidQuery } from "./query.ts";
import { type ClauseFindings, NO_TEXT_EVIDENCE, type Picture } from "./rank.ts";
import type { RecallMeter } from "./recall-meter.ts";
import { type IndexMode, leastExact, type Stopwatch } from "./report.ts";
import { mixVectors, takeInTurns } from "./retrieval-plan.ts";
import { begun, countPassingIn, requirePlace, type SearchPlace } from "./search-place.ts";

export interface SearchDependencies {
  readonly db: Database;
  readonly inference: Inference;
  /** Milliseconds that never go backwards; performance.now when absent. */
  readonly clock?: () => number;
  /** How long a search waits for an engine whose queue is full; 5 seconds when absent. */
  readonly patienceMs?: number | undefined;
  /** Reads parts of kept answers, as findSearchSessions does, for many searches at once; absent: each search reads its own. */
  readonly sessions?: SharedReads<SearchSessionPart> | undefined;
  /** Reads the pictures of clauses that are addresses; absent: such a query is refused. */
  readonly fetchPicture?: FetchPicture | undefined;
  /** Copies of vectors in memory, which answer in the database's place while they are up to date. */
  readonly hotTier?: Pick<HotTier, "search"> | undefined;
  /** Estimates what approximate searches miss; absent: nobody does. */
  readonly recallMeter?: Pick<RecallMeter, "estimateOf" | "observe"> | undefined;
}

/** What is known of a query's pictures before the matching head reads any of them. */
export interface Findings {
  readonly place: Place;
  readonly embedded: EmbeddedClauses;
  /** How many pictures the vector search returned, how it found them, and how many of the truly nearest it is expected to have found. */
  readonly retrieved: { readonly count: number; readonly mode: IndexMode; readonly recall: number | null };
  readonly pool: Pool;
  /** All that the answer may show: those to be matched first. */
  readonly pictures: readonly Picture[];
  /** In the order of the query's clauses. */
  readonly clauses: readonly ClauseFindings[];
  /** For each corpus what the scores of the model that answers mean there; null without a calibration, and while no model answers. */
  readonly calibrations: readonly (SearchCalibration | null)[];
  /** Which of the place's corpora a picture is of. */
  readonly corpusOf: (imageId: string) => number;
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
  valid: ValidQuery,
  { stopwatch, remainingMs, outwait, signal }: GatherOptions,
): Promise<Findings> {
  const { db, inference, hotTier, recallMeter, fetchPicture } = dependencies;
  // A search is mostly waits, so what does not hang on one another is asked for at once.
  const served = begun(inference.models());
  const found = await requirePlace(db, valid);
  const { space } = found;
  const limit = lengthOfList(valid);
  const place: Place = { ...found, db, hotTier, recallMeter, valid, limit, named: namedImages(valid) };
  const embedded = await stopwatch.measure("EMBED_QUERY", () =>
    embedClauses({ db, inference, served, outwait, fetchPicture }, space, valid.clauses, () => ({
      ...deadlineOption(remainingMs()),
      ...(signal && { signal }),
    })),
  );
  signal?.throwIfAborted();
  const calibrated = begun(loadCalibrations(place, embedded));
  const [retrieved, near] = await stopwatch.measure("RETRIEVE", () =>
    Promise.all([retrieve(place, embedded), searchNearTexts(place, embedded)]),
  );
  const byTexts = searchesTexts(valid, embedded)
    ? await stopwatch.measure("MATCH_TEXTS", () => searchWords(place, embedded, retrieved.pictures, near))
    : valid.clauses.map(() => NOTHING_BY_TEXTS);
  const wanted = byTexts.filter((_, index) => valid.clauses[index]?.place !== "NONE");
  const pool = poolPictures(retrieved.pictures, wanted, valid.candidates);
  const pictures = [...pool.toMatch, ...pool.beyond];
  const [cosines, corpusOf] = await Promise.all([
    cosinesOfClauses(place, embedded, [...retrieved.pictures, ...byTexts.flatMap(hitsOf)], pictures),
    corporaOf(place, pictures),
  ]);
  const clauses = valid.clauses.map(
    (clause, index): ClauseFindings => ({
      place: clause.place,
      isText: isText(clause),
      cosineOf: (imageId) => cosines[index]?.get(imageId) ?? null,
      textsOf: isText(clause) ? textEvidenceOf(byTexts[index] ?? NOTHING_BY_TEXTS) : () => NO_TEXT_EVIDENCE,
    }),
  );
  const calibrations = await calibrated;
  signal?.throwIfAborted();
  const { mode, recall } = retrieved;
  return {
    place,
    embedded,
    retrieved: { count: retrieved.pictures.length, mode, recall },
    pool,
    pictures,
    clauses,
    calibrations,
    corpusOf,
  };
}

/** Whether the list holds every picture of the corpora that passes the filter. */
export async function sawEverything({ db, corpora, limit, named }: Place, pictures: number): Promise<boolean> {
  if (pictures >= limit) return false;
  const seen = pictures + named.size;
  return (await countPassingIn(db, corpora, seen + 1)) <= seen;
}

/** Where and for what a search looks. */
export interface Place extends SearchPlace {
  readonly db: Database;
  readonly hotTier: SearchDependencies["hotTier"];
  readonly recallMeter: SearchDependencies["recallMeter"];
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

/** A picture and its cosine with the vector that found it; null where only words did. */
type Located = Pick<Picture, "imageId" | "sha256"> & { readonly itcCosine: number | null };

function hitsOf({ byWords, byCosine }: FoundByTexts): readonly Located[] {
  return [...byWords, ...byCosine];
}

/** The nearest pictures of the wanted clauses, mixed and each by itself, in turns; without those that the query names itself. */
async function retrieve(
  place: Place,
  { vectors }: EmbeddedClauses,
): Promise<{ pictures: Located[]; mode: IndexMode; recall: number | null }> {
  const { db, hotTier, recallMeter, corpora, space, valid, limit, named } = place;
  const most = Math.min(MAX_CANDIDATES, limit + named.size);
  const searches = mixVectors(valid.clauses, vectors).map((query) =>
    corpora.map(({ id: corpusId, filter, size }) => {
      const search: VectorSearch = { corpusId, spaceId: space.id, query, filter, limit: most };
      // In memory all of them are one run.
      return { search, size, inMemory: hotTier?.search(search) };
    }),
  );
  await Promise.all(searches.flat().map(({ inMemory }) => inMemory));
  const lists: Located[][] = [];
  const modes = corpora.map(() => new Set<IndexMode>());
  // The database is asked one after the other: a query of eight clauses must not take every connection there is.
  for (const ofVector of searches) {
    const ofCorpora: (readonly VectorHit[])[] = [];
    for (const [corpus, { search, size, inMemory }] of ofVector.entries()) {
      const known = await inMemory;
      const found = known
        ? { hits: known, mode: "hotTier" as const }
        : await searchEmbeddings(db, { ...search, size: await size });
      recallMeter?.observe(search, found);
      modes[corpus]?.add(found.mode);
      ofCorpora.push(found.hits);
    }
    lists.push(mergeNearest(ofCorpora, most).filter(({ imageId }) => !named.has(imageId)));
  }
  const ofCorpora = modes.map(leastExact);
  // Without a vector there was nothing to search for.
  const recall = searches.length === 0 ? null : leastRecall(place, ofCorpora);
  return { pictures: takeInTurns(lists, limit), mode: leastExact(new Set(ofCorpora)), recall };
}

/**
 * Of several corpora the least; null where it is not known of one.
 * @param modes how each was searched
 */
function leastRecall({ recallMeter, corpora, space }: Place, modes: readonly IndexMode[]): number | null {
  const estimates = corpora.map(({ id: corpusId }, index) => {
    const mode = modes[index] ?? "exact";
    return mode === "exact" ? 1 : (recallMeter?.estimateOf({ corpusId, spaceId: space.id }, mode) ?? null);
  });
  return estimates.reduce((least, one) => (least === null || one === null ? null : Math.min(least, one)));
}

/**
 * Without a logit to mix it with, a text would decide alone: where nothing is judged, the order of itcCosine stays. Where a clause has no vector its
 * words are all there is.
 */
function searchesTexts({ textWeight, candidates, clauses }: ValidQuery, { model }: EmbeddedClauses): boolean {
  return clauses.some(isText) && (model === null || (textWeight > 0 && candidates > 0));
}

/** One after the other: a clause of 16 corpora takes one connection. */
async function inTurn<Item, Value>(items: readonly Item[], work: (item: Item) => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for (const item of items) values.push(await work(item));
  return values;
}

/** For each clause the pictures whose own texts are nearest to it. */
function searchNearTexts(
  { db, corpora, space, valid }: Place,
  embedded: EmbeddedClauses,
): Promise<readonly (readonly NearText[])[]> {
  const findNear = async (clause: Clause, index: number): Promise<readonly NearText[]> => {
    const query = embedded.vectors[index] ?? null;
    if (!isText(clause) || query === null) return [];
    const ofCorpora = await inTurn(corpora, async ({ id: corpusId, filter, size }) => {
      const among = { corpusId, spaceId: space.id, filter, limit: NEAR_TEXTS };
      return (await searchTextEmbeddings(db, { ...among, query, size: await size })).hits;
    });
    return mergeNearTexts(ofCorpora, NEAR_TEXTS);
  };
  return Promise.all(searchesTexts(valid, embedded) ? valid.clauses.map(findNear) : []);
}

/** For each clause the pictures whose own texts hold its words, and those that are near. */
function searchWords(
  { db, corpora, space, valid, limit, named }: Place,
  { vectors }: EmbeddedClauses,
  retrieved: readonly Located[],
  near: readonly (readonly NearText[])[],
): Promise<FoundByTexts[]> {
  const findBy = async (clause: Clause, index: number): Promise<FoundByTexts> => {
    if (!isText(clause)) return NOTHING_BY_TEXTS;
    const query = vectors[index] ?? null;
    const byCosine = near[index] ?? [];
    const judged = [...retrieved, ...byCosine].map(({ imageId }) => imageId);
    const most = query === null ? limit : TEXT_CANDIDATES;
    const wanted = { query, text: clause.text, limit: most, among: judged };
    const byWords = await searchTexts(db, { ...wanted, corpora, spaceId: space.id });
    const isHit = ({ imageId }: Located) => !named.has(imageId);
    return { byWords: byWords.filter(isHit), byCosine: byCosine.filter(isHit) };
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

async function corporaOf({ db, corpora }: Place, pictures: readonly Picture[]): Promise<Findings["corpusOf"]> {
  if (corpora.length === 1) return () => 0;
  const ids = await corporaOfImages(
    db,
    pictures.map(({ imageId }) => imageId),
  );
  const places = new Map(corpora.map(({ id }, index) => [id, index]));
  // One that was removed meanwhile is nobody's; it is left out when the page is shown.
  return (imageId) => places.get(ids.get(imageId) ?? "") ?? 0;
}

async function loadCalibrations(
  { db, corpora, space }: Place,
  { model }: EmbeddedClauses,
): Promise<(SearchCalibration | null)[]> {
  if (model === null) return corpora.map(() => null);
  const { itcWeight } = model;
  return Promise.all(
    corpora.map(({ id }) => loadSearchCalibration(db, { corpusId: id, spaceId: space.id, itcWeight })),
  );
}
