import { bestScoreOf, matchProbabilityOf, type SearchCalibration } from "./calibration.ts";
import { type Facet, facetsOf } from "./facets.ts";
import { type Findings, gatherFindings, isText, type SearchDependencies, sawEverything } from "./gather-findings.ts";
import { judgeCandidates, type Matches } from "./judge-candidates.ts";
import { createPatience } from "./outwait-overload.ts";
import { type SearchQuery, type ValidQuery, validateQuery } from "./query.ts";
import { quickOrder, type RankedHit, type Ranking, rankPictures } from "./rank.ts";
import { createStopwatch, type Degradation, describeFailures, type SearchReport, type Stopwatch } from "./report.ts";
import { type Judgement, strongestOf, verdictOf } from "./verdict.ts";

export interface SearchResult {
  /** The first of those that were searched. */
  readonly corpusId: string;
  /** The whole list that was looked at, in the final order: at least `first` hits where the corpus has them. */
  readonly hits: readonly RankedHit[];
  /** How many pictures the answer has; AT_LEAST where the search did not look at every picture. */
  readonly total: { readonly value: number; readonly relation: "EXACT" | "AT_LEAST" };
  /** Whether the corpus holds an answer at all; null for several clauses or a picture, and where nothing tells. */
  readonly verdict: Judgement | null;
  readonly facets: readonly Facet[];
  readonly report: SearchReport;
  readonly judging: JudgingProgress;
}

/** How far re-ranking is. */
export interface JudgingProgress {
  /** How many of the candidates have been judged by every text of the query. */
  readonly judged: number;
  /** How many the matching head is to judge: the nearest pictures and those that their own texts found; 0 where it judges none. */
  readonly candidates: number;
}

/** Follows a search while its candidates are judged. */
export interface SearchWatch {
  /** Gives the search up; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told the answer as far as it is known: before anything is judged, in `quickOrder`, and whenever more is judged. Not told where there is nothing to
   * judge, nor the last answer, which the search returns. Before that there is no verdict, no facet is counted, and every total is AT_LEAST.
   */
  readonly onPreliminary?: ((answer: SearchResult) => void) | undefined;
}

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

/** The same for a query that was validated already, and for whoever wants to see it grow. */
export async function searchValid(
  dependencies: SearchDependencies,
  asked: ValidQuery,
  { signal, onPreliminary }: SearchWatch = {},
): Promise<SearchResult> {
  const stopwatch = createStopwatch(dependencies.clock ?? (() => performance.now()));
  const remainingMs = () => (asked.deadlineMs === null ? null : asked.deadlineMs - stopwatch.elapsed());
  const { patienceMs } = dependencies;
  const outwait = createPatience({ patienceMs, remainingMs, signal, clock: stopwatch.elapsed });
  const findings = await gatherFindings(dependencies, asked, { stopwatch, remainingMs, outwait, signal });
  const { model } = findings.embedded;
  const { valid } = findings.place;
  const texts = valid.clauses.flatMap((clause) => (isText(clause) ? clause.text : []));
  const pictures = findings.pool.toMatch;
  if (model === null || valid.candidates === 0 || texts.length * pictures.length === 0) {
    return finalAnswer(findings, NOTHING_JUDGED, stopwatch);
  }
  const order = orderOfJudging(findings);
  const tell = (judged: Judged) => onPreliminary?.(preliminaryAnswer(findings, judged, stopwatch));
  tell({ matches: [], order });
  const { inference } = dependencies;
  const judging = { inference, model, texts, pictures, order, remainingMs, outwait, signal };
  const onJudged = (matches: Matches) => (isComplete(matches) ? undefined : tell({ matches, order }));
  const matches = await stopwatch.measure("RERANK", () => judgeCandidates({ ...judging, onJudged }));
  return finalAnswer(findings, { matches, order }, stopwatch);
}

/** What the matching head has said so far. */
interface Judged {
  readonly matches: Matches;
  /** Positions of the candidates in the order in which they are judged; empty where none is. */
  readonly order: readonly number[];
}

const NOTHING_JUDGED: Judged = { matches: [], order: [] };

/**
 * The candidates, best first by what is known without the matching head. The other pictures follow in the order of the vector search, which is the one
 * that they keep.
 */
function orderOfJudging({ pool, clauses, ...findings }: Findings): number[] {
  const places = new Map(pool.toMatch.map(({ imageId }, place) => [imageId, place]));
  const rule = { itcWeight: itcWeightOf(findings), textWeight: findings.place.valid.textWeight };
  return quickOrder(pool.toMatch, clauses, rule).flatMap((imageId) => places.get(imageId) ?? []);
}

/** Whether every candidate was judged by every text, or will not be. */
function isComplete(matches: Matches): boolean {
  return matches.every((ofText) => !ofText.includes(undefined));
}

function countJudged(matches: Matches): number {
  const [first = [], ...others] = matches;
  return first.filter((match, place) => match?.ok === true && others.every((ofText) => ofText[place]?.ok === true))
    .length;
}

/** Of the pictures that have a logit those whose tokens were stored for all of their logits; null where the engine tells of none. */
function countStored(matches: Matches): number | null {
  const [first = []] = matches;
  const ofPictures = first.map((_, place) =>
    matches.flatMap((ofText) => {
      const match = ofText[place];
      return match?.ok && Number.isFinite(match.value.itmLogit) ? [match.value.tokensWereStored] : [];
    }),
  );
  if (ofPictures.every((stored) => stored.every((each) => each === undefined))) return null;
  return ofPictures.filter((stored) => stored.length > 0 && stored.every((each) => each === true)).length;
}

async function finalAnswer(findings: Findings, judged: Judged, stopwatch: Stopwatch): Promise<SearchResult> {
  const { place, pictures } = findings;
  const { db, corpora, valid } = place;
  const ranking = rankFindings(findings, judged);
  const cut = cutByProbability(ranking.hits, valid.minMatch);
  // A picture that was not judged may have the wanted probability all the same.
  const judgedAll = valid.minMatch === null || ranking.hits.every(({ matchProbability }) => matchProbability !== null);
  const [sawAll, facets] = await Promise.all([
    judgedAll && sawEverything(place, pictures.length),
    facetsOf(db, corpora, valid.facets, cut.hits),
  ]);
  return {
    corpusId: corpora[0].id,
    hits: cut.hits,
    total: { value: cut.hits.length, relation: sawAll ? "EXACT" : "AT_LEAST" },
    verdict: judgeAnswer(findings, ranking.hits),
    facets,
    report: reportOf(findings, judged, { ...ranking, degraded: cut.degraded }, stopwatch),
    judging: progressOf(judged),
  };
}

/** Says nothing that more judging could take back: where a least probability is asked for, only what is known to have it is shown. */
function preliminaryAnswer(findings: Findings, judged: Judged, stopwatch: Stopwatch): SearchResult {
  const { place, clauses } = findings;
  const { minMatch } = place.valid;
  const candidates = findings.pool.toMatch;
  const unjudgedOrder = judged.order.flatMap((position) => candidates[position]?.imageId ?? []);
  const ranking = rankFindings(findings, judged, [
    ...unjudgedOrder,
    ...findings.pool.beyond.map(({ imageId }) => imageId),
  ]);
  const isCut = minMatch !== null && isCalibrated(findings) && clauses.every(({ isText }) => isText);
  const hits = isCut
    ? ranking.hits.filter(({ matchProbability }) => (matchProbability ?? -1) >= minMatch)
    : ranking.hits;
  return {
    corpusId: place.corpora[0].id,
    hits,
    total: { value: hits.length, relation: "AT_LEAST" },
    verdict: null,
    facets: [],
    report: reportOf(findings, judged, { ...ranking, degraded: [] }, stopwatch),
    judging: progressOf(judged),
  };
}

function progressOf({ matches, order }: Judged): JudgingProgress {
  return { judged: countJudged(matches), candidates: order.length };
}

function rankFindings(findings: Findings, { matches }: Judged, unjudgedOrder?: readonly string[]): Ranking {
  const { pictures, place } = findings;
  const ofTexts = matches.values();
  const clauses = findings.clauses.map((clause) => ({
    ...clause,
    matches: clause.isText ? (ofTexts.next().value ?? []) : null,
  }));
  return rankPictures(pictures, clauses, {
    itcWeight: itcWeightOf(findings),
    textWeight: place.valid.textWeight,
    probabilityOf: probabilitiesOf(findings),
    unjudgedOrder,
  });
}

/** Those whose pictures are in the answer: others, which may have none at all, say nothing about it. */
function representedCorpora({ calibrations, corpusOf, pictures }: Findings): number[] {
  if (calibrations.length === 1) return [0];
  return [...new Set(pictures.map(({ imageId }) => corpusOf(imageId)))];
}

/** The order mixes what probabilities say with nothing else: they count where every corpus of the answer has them. */
function probabilitiesOf(findings: Findings): ((rerankScore: number, imageId: string) => number) | null {
  const { calibrations, corpusOf } = findings;
  if (!isCalibrated(findings)) return null;
  return (rerankScore, imageId) =>
    matchProbabilityOf(calibrations[corpusOf(imageId)] as SearchCalibration, rerankScore);
}

function isCalibrated(findings: Findings): boolean {
  return representedCorpora(findings).every((corpus) => findings.calibrations[corpus] !== null);
}

function itcWeightOf({ embedded }: Pick<Findings, "embedded">): number {
  return embedded.model?.itcWeight ?? 1;
}

function reportOf(
  findings: Findings,
  { matches }: Judged,
  { hits, failures, degraded }: Ranking & Pick<SearchReport, "degraded">,
  stopwatch: Stopwatch,
): SearchReport {
  const { place, embedded, retrieved, pool } = findings;
  const { valid, space } = place;
  return {
    stages: [...stopwatch.stages],
    milliseconds: stopwatch.elapsed(),
    candidates: {
      requested: valid.candidates,
      retrieved: retrieved.count,
      byText: pool.byText,
      reranked: hits.filter(({ clauses }) => clauses.some(({ itmLogit }) => itmLogit !== null)).length,
    },
    indexMode: retrieved.mode,
    estimatedRecall: retrieved.recall,
    cacheHits: { imageTokens: countStored(matches), vectors: embedded.storedVectors, keptAnswer: false },
    spaceId: space.id,
    modelName: embedded.model?.name ?? space.name,
    modelFingerprint: space.fingerprint,
    itcWeight: itcWeightOf(findings),
    textWeight: valid.textWeight,
    degraded: [...place.leftOut, ...embedded.degraded, ...describeFailures(failures, pool.toMatch.length), ...degraded],
    matchFailures: failures,
  };
}

/** Calibrated on queries of one text; several clauses, and pictures, have no such statistic. Of several corpora the one that says most for an answer counts. */
function judgeAnswer(findings: Findings, hits: readonly RankedHit[]): Judgement | null {
  const { place, calibrations, corpusOf } = findings;
  const { clauses } = place.valid;
  if (clauses.length !== 1 || clauses[0]?.kind !== "text") return null;
  return strongestOf(
    representedCorpora(findings).map((corpus) => {
      const calibration = calibrations[corpus] ?? null;
      const own =
        calibrations.length === 1 ? hits : withOwnRanks(hits.filter((hit) => corpusOf(hit.imageId) === corpus));
      const textShare = Math.max(0, ...own.map((hit) => hit.clauses[0]?.textShare ?? 0));
      return verdictOf({ calibration, best: bestScoreOf(own), textShare });
    }),
  );
}

/** Hits of one corpus with the places that a search of it alone would have given them. */
function withOwnRanks(hits: readonly RankedHit[]): RankedHit[] {
  const places = hits.flatMap(({ rankBeforeRerank }) => rankBeforeRerank ?? []).toSorted((a, b) => a - b);
  const ownPlace = new Map(places.map((place, index) => [place, index + 1]));
  return hits.map((hit) => ({ ...hit, rankBeforeRerank: ownPlace.get(hit.rankBeforeRerank ?? 0) ?? null }));
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
