import {
  type EvidenceMap,
  failed,
  type Inference,
  InferenceError,
  type ModelInfo,
  type Outcome,
} from "@medley/inference-api";
import type { Database, Image } from "@medley/storage";
import { SearchError } from "./errors.ts";
import { boxOf, type EvidenceBox, type EvidencePoint, peakOf } from "./evidence-region.ts";
import { modelFor } from "./models.ts";
import { requireText } from "./query.ts";

/** A word is asked for, or a few of them; what is longer is a mistake of the caller. */
const MAX_WORD_CHARACTERS = 200;

export interface EvidenceQuery {
  readonly image: Image;
  /** A word, or a few in a row, such as "red apple". */
  readonly word: string;
  /** Texts of which at least one must have the word, as the model reads them. */
  readonly texts?: readonly string[] | undefined;
}

/** Where a picture shows a word, as far as the model can tell. It tells where, and never whether. */
export interface MappedWord extends EvidenceMap {
  /** Null where all patches are the same. */
  readonly peak: EvidencePoint | null;
  /** What lies around the peak; only for the method "patchCosine", whose boxes were measured. */
  readonly box: EvidenceBox | null;
  readonly modelName: string;
  readonly modelFingerprint: string;
}

export interface Evidence {
  readonly image: Image;
  readonly word: string;
  /** The first of the texts that has the word; null where none was given, and without a map. */
  readonly text: string | null;
  /** Null where there is none; `failure` then says why. */
  readonly map: MappedWord | null;
  /** Nothing that the caller could mend by asking otherwise: models that are away or busy, a picture whose bytes and tokens are gone. */
  readonly failure: { readonly code: string; readonly message: string; readonly retryable: boolean } | null;
}

interface EvidenceDependencies {
  readonly db: Database;
  readonly inference: Inference;
}

/**
 * Where pictures show words, one answer for each query, in order. Reads stored image tokens and nothing else of a picture where there are any. The model is the one
 * that built the space which answers for the picture's corpus. Queries of one corpus go to the engine together.
 * @returns an error in place of an answer where the query itself is at fault: SearchError INVALID_QUERY, MODEL_MISSING; InferenceError INVALID_TEXT, WORD_NOT_IN_TEXT
 */
export async function evidenceOf(
  dependencies: EvidenceDependencies,
  queries: readonly EvidenceQuery[],
  options: { readonly deadlineMs?: number } = {},
): Promise<(Evidence | SearchError | InferenceError)[]> {
  const answers: (Evidence | SearchError | InferenceError)[] = new Array(queries.length);
  const open: Open[] = [];
  for (const [index, query] of queries.entries()) {
    const word = checked(() => requireWord(query.word));
    if (word instanceof SearchError) answers[index] = word;
    else open.push({ index, query: { ...query, word }, text: 0 });
  }
  const byCorpus = Map.groupBy(open, ({ query }) => query.image.corpusId);
  await Promise.all(
    [...byCorpus].map(async ([corpusId, some]) => {
      const model = await modelFor(dependencies, corpusId).catch((error: unknown) => knownError(error));
      for (const [index, answer] of await answerAll(dependencies, model, some, options)) answers[index] = answer;
    }),
  );
  return answers;
}

interface Open {
  readonly index: number;
  readonly query: EvidenceQuery;
  /** Which of the query's texts is tried. */
  readonly text: number;
}

type Answers = (readonly [index: number, answer: Evidence | SearchError | InferenceError])[];

/** Asks with the first text of each query; those whose word is not in it again with their next one. */
async function answerAll(
  dependencies: Pick<EvidenceDependencies, "inference">,
  model: ModelInfo | SearchError | InferenceError,
  queries: readonly Open[],
  options: { readonly deadlineMs?: number },
): Promise<Answers> {
  if (model instanceof SearchError) return queries.map(({ index }) => [index, model] as const);
  if (model instanceof InferenceError)
    return queries.map(({ index, query }) => [index, withoutMap(query, model)] as const);
  const requests = queries.map(({ query: { image, word, texts }, text }) => {
    const read = texts?.[text];
    return { image: { sha256: image.sha256 }, word, ...(read !== undefined && { text: read }) };
  });
  const outcomes = await dependencies.inference
    .mapEvidence(requests, { ...options, model: model.fingerprint })
    .catch((error: unknown): Outcome<EvidenceMap>[] => {
      if (error instanceof InferenceError) return requests.map(() => failed(error));
      throw error;
    });
  const again: Open[] = [];
  const answers: Answers = queries.flatMap((open, place) => {
    const { index, query, text } = open;
    const outcome = outcomes[place];
    if (outcome === undefined) throw new Error("Bug: mapEvidence returned fewer outcomes than it was given requests");
    if (!outcome.ok && outcome.error.code === "WORD_NOT_IN_TEXT" && text + 1 < (query.texts?.length ?? 0)) {
      again.push({ ...open, text: text + 1 });
      return [];
    }
    return [[index, answerOf(query, query.texts?.[text] ?? null, outcome, model)] as const];
  });
  return again.length === 0 ? answers : [...answers, ...(await answerAll(dependencies, model, again, options))];
}

function answerOf(
  query: EvidenceQuery,
  text: string | null,
  outcome: Outcome<EvidenceMap>,
  { name: modelName, fingerprint: modelFingerprint }: ModelInfo,
): Evidence | InferenceError {
  if (!outcome.ok) {
    const { code } = outcome.error;
    const isCallers = code === "INVALID_TEXT" || code === "WORD_NOT_IN_TEXT";
    return isCallers ? outcome.error : withoutMap(query, outcome.error);
  }
  const map = outcome.value;
  const box = map.method === "patchCosine" ? boxOf(map) : null;
  const { image, word } = query;
  return { image, word, text, map: { ...map, peak: peakOf(map), box, modelName, modelFingerprint }, failure: null };
}

function withoutMap({ image, word }: EvidenceQuery, { code, message, retryable }: InferenceError): Evidence {
  return { image, word, text: null, map: null, failure: { code, message, retryable } };
}

function requireWord(word: string): string {
  const trimmed = requireText("word", word);
  if (trimmed.length <= MAX_WORD_CHARACTERS) return trimmed;
  const found = `word has ${trimmed.length} characters, expected at most ${MAX_WORD_CHARACTERS}`;
  throw new SearchError("INVALID_QUERY", `${found}. Name one thing in the picture.`);
}

function checked<Value>(work: () => Value): Value | SearchError {
  try {
    return work();
  } catch (error) {
    if (error instanceof SearchError) return error;
    throw error;
  }
}

function knownError(error: unknown): SearchError | InferenceError {
  if (error instanceof SearchError || error instanceof InferenceError) return error;
  throw error;
}
