import type { Inference } from "@medley/inference-api";
import { type SearchClause, type SearchQuery, searchImages } from "@medley/search";
import { cosinesOf, type Database, embeddingOf, searchEmbeddings } from "@medley/storage";
import { allOf } from "../engine.ts";
import { composeVectors } from "./arithmetic.ts";
import { LOOKED_AT } from "./precision.ts";
import { type CompositionClause, type CompositionQuery, picturesOf } from "./read-queries.ts";

/** A corpus that is searched, with a name for each of its pictures. */
export interface Corpus {
  readonly db: Database;
  readonly inference: Inference;
  readonly name: string;
  readonly id: string;
  readonly spaceId: string;
  /** w of itmLogit + w * itcCosine. */
  readonly itcWeight: number;
  readonly nameOf: ReadonlyMap<string, string>;
  readonly idOf: ReadonlyMap<string, string>;
}

/** One way of asking. */
export interface Way {
  readonly name: string;
  /** Whether a calibration changes the order; such a way is asked before and after it. */
  readonly calibrates: boolean;
  /** Names of pictures, best first, at least ten where the corpus has them; without those that a clause names. */
  readonly ask: (corpus: Corpus, query: CompositionQuery) => Promise<string[]>;
}

/** As many as a search re-ranks by default. */
const CANDIDATES = 128;

/** All of them were fixed before the first run. */
export const WAYS: readonly Way[] = [
  { name: "clauses, pictures alone", calibrates: true, ask: (...given) => askClauses(...given, { textWeight: 0 }) },
  { name: "clauses, with texts", calibrates: true, ask: (...given) => askClauses(...given, {}) },
  { name: "arithmetic", calibrates: false, ask: (...given) => askArithmetic(...given, 1) },
  { name: "arithmetic, unwanted at half", calibrates: false, ask: (...given) => askArithmetic(...given, 0.5) },
  { name: "arithmetic, re-ranked by the sentence", calibrates: false, ask: askArithmeticAndRerank },
  { name: "sentence, ITC alone", calibrates: false, ask: (...given) => askSentence(...given, { candidates: 0 }) },
  { name: "sentence, pictures alone", calibrates: false, ask: (...given) => askSentence(...given, { textWeight: 0 }) },
  { name: "sentence, with texts", calibrates: false, ask: (...given) => askSentence(...given, {}) },
];

/** Medley's search as it is meant for such a wish. */
async function askClauses(corpus: Corpus, query: CompositionQuery, options: Partial<SearchQuery>): Promise<string[]> {
  const clausesOf = (clauses: readonly CompositionClause[]) =>
    clauses.map((clause): SearchClause => {
      return "text" in clause ? { text: clause.text } : { imageId: idOf(corpus, clause.picture) };
    });
  const { all, any, none } = query;
  return search(corpus, query, { all: clausesOf(all), any: clausesOf(any), none: clausesOf(none), ...options });
}

/** Medley's search of one text. */
function askSentence(corpus: Corpus, query: CompositionQuery, options: Partial<SearchQuery>): Promise<string[]> {
  return search(corpus, query, { all: [{ text: query.sentence }], ...options });
}

async function search(corpus: Corpus, query: CompositionQuery, asked: Partial<SearchQuery>): Promise<string[]> {
  const { hits, report } = await searchImages(corpus, { corpus: corpus.name, first: 2 * LOOKED_AT, ...asked });
  const [cut] = report.degraded;
  if (cut !== undefined)
    throw new Error(`An answer to "${query.sentence}" is less than what was asked: ${cut.message}`);
  return withoutNamed(
    query,
    hits.map(({ imageId }) => nameOf(corpus, imageId)),
  );
}

async function askArithmetic(corpus: Corpus, query: CompositionQuery, awayWeight: number): Promise<string[]> {
  const nearest = await nearestByArithmetic(corpus, query, awayWeight);
  return nearest.map(({ imageId }) => nameOf(corpus, imageId));
}

/** The nearest pictures in the order of itmLogit + w * itcCosine of the sentence, as a re-ranker behind a vector database gets a text. */
async function askArithmeticAndRerank(corpus: Corpus, query: CompositionQuery): Promise<string[]> {
  const { db, inference, spaceId, itcWeight } = corpus;
  const nearest = await nearestByArithmetic(corpus, query, 1);
  const [sentence] = allOf(await inference.embedTexts([query.sentence]));
  if (sentence === undefined) throw new Error("Bug: the engine returned no embedding.");
  const imageIds = nearest.map(({ imageId }) => imageId);
  const cosines = await cosinesOf(db, { spaceId, query: sentence, imageIds });
  const images = nearest.map(({ sha256 }) => ({ sha256 }));
  const matches = allOf(await inference.matchImages(query.sentence, images, { role: "retrieval" }));
  const scored = imageIds.map((imageId, index) => ({
    imageId,
    score: (matches[index]?.itmLogit ?? Number.NaN) + itcWeight * (cosines.get(imageId) ?? Number.NaN),
  }));
  return scored.toSorted((a, b) => b.score - a.score).map(({ imageId }) => nameOf(corpus, imageId));
}

async function nearestByArithmetic(corpus: Corpus, query: CompositionQuery, awayWeight: number) {
  const { db, id: corpusId, spaceId } = corpus;
  const wanted = await vectorsOf(corpus, [...query.all, ...query.any]);
  const composed = composeVectors(wanted, await vectorsOf(corpus, query.none), awayWeight);
  const named = new Set(namedBy(query).map((name) => idOf(corpus, name)));
  const limit = CANDIDATES + named.size;
  const { hits } = await searchEmbeddings(db, { corpusId, spaceId, query: composed, limit, mode: "exact" });
  return hits.filter(({ imageId }) => !named.has(imageId)).slice(0, CANDIDATES);
}

/** Of each clause, in their order: a text is embedded, a stored picture has its vector. */
function vectorsOf(corpus: Corpus, clauses: readonly CompositionClause[]): Promise<Float32Array[]> {
  const { db, inference, spaceId } = corpus;
  return Promise.all(
    clauses.map(async (clause) => {
      const vector =
        "text" in clause
          ? allOf(await inference.embedTexts([clause.text]))[0]
          : await embeddingOf(db, { spaceId, imageId: idOf(corpus, clause.picture) });
      if (vector) return vector;
      throw new Error(`There is no vector for ${JSON.stringify(clause)}. Did the ingest end well?`);
    }),
  );
}

function namedBy({ all, any, none }: CompositionQuery): string[] {
  return picturesOf([...all, ...any, ...none]);
}

function withoutNamed(query: CompositionQuery, names: readonly string[]): string[] {
  const named = new Set(namedBy(query));
  return names.filter((name) => !named.has(name));
}

function idOf({ idOf: ids, name: corpus }: Corpus, name: string): string {
  const id = ids.get(name);
  if (id === undefined)
    throw new Error(`Corpus "${corpus}" has no picture "${name}", expected folder and name without ending.`);
  return id;
}

function nameOf({ nameOf: names }: Corpus, id: string): string {
  const name = names.get(id);
  if (name === undefined) throw new Error(`Bug: a hit "${id}" is no picture of the corpus.`);
  return name;
}
