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
 * The corpora that a query names, as far as they answer by one space: the one that most of them have, and among equals the one that is named first. Of a
 * query that names several, others are left out with a sentence why: one that is being filled or moved to another model must not take the answers of all
 * from people.
 * @throws SearchError CORPUS_NOT_FOUND; NO_ACTIVE_SPACE where no corpus has one; StorageError INVALID_VALUE for a filter that does not fit a corpus
 */
export async function requirePlace(db: Database, asked: ValidQuery): Promise<SearchPlace> {
  const found = await Promise.all([...new Set(asked.corpora)].map((name) => findNamed(db, name)));
  const space = commonSpace(found);
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
  const others = found.filter((one) => one.space?.id !== space.id);
  return {
    corpora: corpora as [SearchedCorpus, ...SearchedCorpus[]],
    space,
    leftOut: await describeLeftOut(db, others),
  };
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
  let count = 0;
  for (const { id, filter } of corpora) {
    if (count < most) count += await countPassing(db, { corpusId: id, filter, most: most - count });
  }
  return count;
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

function commonSpace(found: readonly Found[]): Space | null {
  const spaces = found.flatMap(({ space }) => space ?? []);
  const votes = Map.groupBy(spaces, ({ id }) => id);
  // A sort keeps the order of equals, which is the one in which they were named.
  const [most] = [...votes.values()].toSorted((one, other) => other.length - one.length);
  return most?.[0] ?? null;
}

/** One sentence for each reason. A corpus that has no pictures takes nothing from an answer. */
async function describeLeftOut(db: Database, others: readonly Found[]): Promise<Degradation[]> {
  const leftOut = { stage: "RETRIEVE", images: 0 } as const;
  const moved = others
    .filter(({ space }) => space !== null)
    .map(({ corpus, space }) => `"${corpus.name}" (${space?.name})`);
  const filled: string[] = [];
  for (const { corpus, space } of others) {
    const hasPictures =
      space === null && (await countPassing(db, { corpusId: corpus.id, filter: undefined, most: 1 })) > 0;
    if (hasPictures) filled.push(`"${corpus.name}"`);
  }
  const ofModel = `Left out, for another model answers there and its scores cannot be compared: ${moved.join(", ")}. Search such a corpus by itself.`;
  const ofSpace = `Left out, for no picture there has a vector yet: ${filled.join(", ")}. They are found once an ingest has embedded them.`;
  return [
    ...(moved.length > 0 ? [{ ...leftOut, code: "OTHER_MODEL", message: ofModel }] : []),
    ...(filled.length > 0 ? [{ ...leftOut, code: "NO_ACTIVE_SPACE", message: ofSpace }] : []),
  ];
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
