import {
  attributeSchemaOf,
  countPassing,
  type Database,
  type ImageFilter,
  liveQuestions,
  type Operation,
  questionsIn,
  requestUpkeep,
  typedFilter,
  typedQuestionFilter,
  type UpkeepRequest,
} from "@medley/storage";

/** What an operation has measured of a space's index, as JSON beside it. Null: not known yet. */
export interface IndexFigures {
  readonly spaceId: string;
  readonly vectors: number;
  /** False where the space is so small that every vector is compared: there is nothing to rebuild. */
  readonly indexed: boolean;
  readonly queries: number;
  /** Shares of the truly nearest 10 that the index finds, 0 to 1. */
  readonly recallBefore: number;
  readonly recallAfter: number | null;
  /** Of pictures and texts together. */
  readonly sizeBytesBefore: number;
  readonly sizeBytesAfter: number | null;
}

/**
 * Opens an operation on what a corpus holds already, its filter in the types that the corpus declares.
 * @throws StorageError NOT_FOUND; INVALID_VALUE for a filter that cannot be meant; CONFLICT where one of the same kind is open
 */
export async function requestUpkeepOf({ db }: { readonly db: Database }, request: UpkeepRequest): Promise<Operation> {
  const filter = request.filter && (await withTypes(db, request.corpusId, request.filter));
  // A filter that means nothing is refused now, and not by the worker that comes to it.
  if (filter) await countPassing(db, { corpusId: request.corpusId, filter, most: 1 });
  return await db.transaction((tx) => requestUpkeep(tx, { ...request, ...(filter && { filter }) }));
}

async function withTypes(db: Database, corpusId: string, asked: ImageFilter): Promise<ImageFilter | undefined> {
  const filter = typedFilter(asked, await attributeSchemaOf(db, corpusId));
  if (questionsIn(filter).size === 0) return filter;
  return typedQuestionFilter(filter, await liveQuestions(db, corpusId));
}
