import {
  attributeSchemaOf,
  countPassing,
  type Database,
  describeSpace,
  findSearchPlace,
  type ImageFilter,
  liveQuestions,
  questionsIn,
  requireQuestion,
  type Space,
  type SpaceSize,
  StorageError,
  typedFilter,
  typedQuestionFilter,
} from "@medley/storage";
import { SearchError } from "./errors.ts";
import type { ValidQuery } from "./query.ts";
import type { Degradation } from "./report.ts";

/** A corpus that is searched. */
export interface SearchedCorpus {
  readonly id: string;
  readonly name: string;
  /** Of the space in this corpus; undefined where the space is gone. */
  readonly size: Promise<SpaceSize | undefined>;
  /** The query's, in the types that the corpus declares. */
  readonly filter: ImageFilter | undefined;
}

/** Where a search takes place: corpora whose vectors can be compared, for one model made them. */
export interface SearchPlace {
  readonly corpora: readonly [SearchedCorpus, ...SearchedCorpus[]];
  readonly space: Space;
  /** Corpora that were asked for and are not searched. */
  readonly leftOut: readonly Degradation[];
}

/**
 * The corpora that a query names, as far as they answer by the same space as the first that has one. Of a query that names several, others are left out
 * with a sentence why: one that is being filled or moved to another model must not take the answers of all from people.
 * @throws SearchError CORPUS_NOT_FOUND; NO_ACTIVE_SPACE where no corpus has one; StorageError INVALID_VALUE for a filter that does not fit a corpus
 */
export async function requirePlace(db: Database, asked: ValidQuery): Promise<SearchPlace> {
  const found = await Promise.all([...new Set(asked.corpora)].map((name) => findNamed(db, name)));
  const first = found.find(({ space }) => space !== null);
  const space = first?.space ?? null;
  if (space === null) throw noActiveSpace(found.map(({ corpus }) => corpus.name));
  const searched = found.filter((one) => one.space?.id === space.id).map(({ corpus }) => corpus);
  const sizes = searched.map(({ id }) => begun(describeSpace(db, { spaceId: space.id, corpusId: id })));
  const corpora = await Promise.all(
    searched.map(async ({ id, name }, index): Promise<SearchedCorpus> => {
      const filter = await withTypes(db, id, asked).catch((error: unknown) => {
        throw searched.length > 1 && error instanceof StorageError ? naming(name, error) : error;
      });
      return { id, name, filter, size: sizes[index] as Promise<SpaceSize | undefined> };
    }),
  );
  const leftOut = found.filter((one) => one.space?.id !== space.id).map((one) => describeLeftOut(one, space));
  return { corpora: corpora as [SearchedCorpus, ...SearchedCorpus[]], space, leftOut };
}

/** A call that is awaited later: what it fails with is thrown there, and is nobody's unhandled error before. */
export function begun<T>(call: Promise<T>): Promise<T> {
  call.catch(() => {});
  return call;
}

/** How many pictures of the corpora pass the query's filter; `most` where there are more. */
export async function countPassingIn(
  db: Database,
  corpora: readonly Pick<SearchedCorpus, "id" | "filter">[],
  most: number,
): Promise<number> {
  const counts = await Promise.all(corpora.map(({ id, filter }) => countPassing(db, { corpusId: id, filter, most })));
  return Math.min(
    most,
    counts.reduce((sum, count) => sum + count, 0),
  );
}

type Found = NonNullable<Awaited<ReturnType<typeof findSearchPlace>>>;

async function findNamed(db: Database, name: string): Promise<Found> {
  const found = await findSearchPlace(db, name);
  if (found !== null) return found;
  const hint = "List the corpora, or ingest into it first.";
  throw new SearchError("CORPUS_NOT_FOUND", `There is no corpus "${name}". ${hint}`);
}

function naming(corpus: string, cause: StorageError): StorageError {
  return new StorageError(cause.code, `Corpus "${corpus}": ${cause.message}`, { cause });
}

function noActiveSpace(names: readonly string[]): SearchError {
  const hint = `Ingest pictures into it: medley ingest PATH --corpus ${names[0]}`;
  if (names.length === 1) {
    return new SearchError("NO_ACTIVE_SPACE", `Corpus "${names[0]}" has no active embedding space. ${hint}`);
  }
  const listed = names.map((name) => `"${name}"`).join(", ");
  return new SearchError("NO_ACTIVE_SPACE", `None of the corpora ${listed} has an active embedding space. ${hint}`);
}

function describeLeftOut({ corpus, space }: Found, answering: Space): Degradation {
  const reason =
    space === null
      ? `Corpus "${corpus.name}" has no active embedding space yet`
      : `Corpus "${corpus.name}" answers by the model "${space.name}", and the scores of two models cannot be compared`;
  const message = `${reason}; it is left out of this answer by "${answering.name}". Search it by itself.`;
  return { stage: "RETRIEVE", code: space === null ? "NO_ACTIVE_SPACE" : "OTHER_MODEL", message, images: 0 };
}

/**
 * The query's filter in the types that a corpus declares for attributes and questions.
 * @throws StorageError INVALID_VALUE also for a question, in filter or facets, that the corpus does not have
 */
async function withTypes(db: Database, corpusId: string, asked: ValidQuery): Promise<ImageFilter | undefined> {
  const filter = asked.filter && typedFilter(asked.filter, await attributeSchemaOf(db, corpusId));
  const counted = asked.facets.flatMap(({ name, of }) => (of === "QUESTION" ? [name] : []));
  if (questionsIn(filter).size + counted.length === 0) return filter;
  const questions = await liveQuestions(db, corpusId);
  for (const name of counted) requireQuestion(questions, name);
  return typedQuestionFilter(filter, questions);
}
