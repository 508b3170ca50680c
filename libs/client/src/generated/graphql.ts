/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** How an answer came about. */
export type AnswerMode =
  /** Word by word. */
  | 'GENERATE'
  /** Chosen from a list of answers. */
  | 'RANK';

/** How an answer is found. Exactly one member. */
export type AnswerModeInput =
  {   /** Writes the answer word by word. */
  generate: DecodingInput; rank?: never; }
  |  { generate?: never;   /** Chooses the most probable of the given answers. */
  rank: RankInput; };

/** A condition on an attribute; all given members must hold. Where the attribute is a list, one of its members must fit. */
export type AttributeFilter = {
  /** Whether the picture has the attribute with a value other than null. */
  exists?: boolean | null | undefined;
  /** The value is at least this number or text; numbers are compared with numbers, texts (such as ISO dates) with texts by their characters. */
  from?: unknown;
  /** The value is one of these texts, numbers or truth values; 1 to 200 of them. */
  in?: Array<unknown> | null | undefined;
  /** Name of the attribute. */
  name: string;
  /** The value is at most this number or text. */
  to?: unknown;
};

/** The most probable sequence among several kept at every step. */
export type BeamInput = {
  /** How many sequences are kept, 1 to 16. */
  beams?: number;
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: number | null | undefined;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: number | null | undefined;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1 when absent. */
  repetitionPenalty?: number | null | undefined;
};

/** Who wrote a caption. */
export type CaptionSource =
  /** A person wrote it. */
  | 'HUMAN'
  /** It came with a data set. */
  | 'IMPORTED'
  /** A captioner wrote it. */
  | 'SYNTHETIC'
  /** It came with the picture: alt text, a file beside it, a column of its manifest. */
  | 'WEB';

/** What a caption counts for. */
export type CaptionVerdict =
  /** It says what the picture shows, as far as the filter, or a person, can tell. */
  | 'KEPT'
  /** It does not, or a rule of the policy leaves it out. */
  | 'REJECTED'
  /** The filter cannot tell: another language, no words, or judged by its sentences. */
  | 'UNJUDGED';

/** How a number relates to what was counted. */
export type CountRelation =
  /** So many were looked at; the corpus has more that could follow. */
  | 'AT_LEAST'
  /** Just as many. */
  | 'EXACT';

/** What is going to be sent. */
export type CreateUploadInput = {
  /** What else is known of the picture: a flat JSON object, at most 65,536 characters. */
  attributes?: unknown;
  /** Name or id of the corpus that gains the picture, 1 to 200 characters. */
  corpus: string;
  /** Name of the file, for people and for searches; at most 500 characters. */
  name?: string | null | undefined;
  /** How many bytes the picture has. When it is absent, the request that does not say otherwise ends the picture. */
  sizeBytes?: number | null | undefined;
  /** A text that belongs to the picture, such as its alternative text: it becomes a caption with the source WEB. At most 10,000 characters. */
  text?: string | null | undefined;
};

/** From one moment to another, both included; at least one of them. */
export type DateRange = {
  /** ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z. */
  from?: string | null | undefined;
  /** ISO 8601; a day without a time is its first moment. */
  to?: string | null | undefined;
};

/** How words are chosen. Exactly one member. */
export type DecodingInput =
  {   /** The most probable sequence among several kept at every step. */
  beam: BeamInput; greedy?: never; nucleus?: never; }
  |  { beam?: never;   /** The most probable token at every step. */
  greedy: GreedyInput; nucleus?: never; }
  |  { beam?: never; greedy?: never;   /** Drawn at random from the most probable tokens; the same seed gives the same text. */
  nucleus: NucleusInput; };

/** Whether the same could succeed later. */
export type ErrorKind =
  /** Nothing went wrong; somebody took it out of the work. */
  | 'CANCELLED'
  /** The picture or text is refused: it is not tried again until somebody asks. */
  | 'PERMANENT'
  /** The engine or a deadline: it is tried five times, later each time. */
  | 'TRANSIENT';

/** What an evidence map is made of. Each model set says which it is. */
export type EvidenceMethod =
  /** Where a layer of the matching head looks from the word, against where it looks from the other words of the text. */
  | 'CROSS_ATTENTION'
  /** Cosine of the word's embedding and each patch's, both by BLIP's contrastive heads. The word is read by itself. */
  | 'PATCH_COSINE';

/** An attribute, or a question, whose values are to be counted. */
export type FacetInput = {
  /** How many values to return, 1 to 100: those of most hits first. */
  first?: number;
  /** Name of the attribute, or of the question. */
  name: string;
  /** Which of the two it is. */
  of?: FacetSource;
};

/** What a facet counts. */
export type FacetSource =
  /** Values that came with the pictures. */
  | 'ATTRIBUTE'
  /** What a model answered to a question of the corpus, as far as it counts. */
  | 'QUESTION';

/** The most probable token at every step. */
export type GreedyInput = {
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: number | null | undefined;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: number | null | undefined;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1 when absent. */
  repetitionPenalty?: number | null | undefined;
};

/** Which pictures of a corpus are meant. Exactly one member; join several by `and`. At most 64 conditions, 8 levels deep. */
export type ImageFilter =
  {   /** When the picture came into the corpus. */
  addedAt: DateRange; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never;   /** Each of these must hold. */
  and: Array<ImageFilter>; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never;   /** A condition on an attribute. */
  attribute: AttributeFilter; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never;   /** Format of the file, such as jpeg, png or webp: one of these. */
  format: Array<string>; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never;   /** Height in pixels as people see it. */
  height: IntRange; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never;   /** This must not hold. A picture without the attribute passes. */
  not: ImageFilter; or?: never; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never;   /** At least one of these must hold. */
  or: Array<ImageFilter>; origin?: never; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never;   /** Where the picture came from: any of its paths or addresses. */
  origin: OriginFilter; question?: never; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never;   /** A condition on what a model answered to a question of the corpus. */
  question: QuestionFilter; width?: never; }
  |  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never;   /** Width in pixels as people see it. */
  width: IntRange; };

/** How the vector search found the nearest vectors. */
export type IndexMode =
  /** Every vector of the corpus was compared; nothing nearer was missed. */
  | 'EXACT'
  /** The HNSW index answered; a nearer vector may have been missed. */
  | 'HNSW'
  /** A copy in memory answered, brought up to date with the database first: every vector was compared in 8 bits a number, the best of them exactly. */
  | 'HOT_TIER';

/** From one number to another, both included; at least one of them. */
export type IntRange = {
  /** The least. */
  from?: number | null | undefined;
  /** The greatest. */
  to?: number | null | undefined;
};

/** Whether there is an answer. */
export type MatchVerdict =
  /** What was found is only the least unfitting. */
  | 'NONE'
  /** There is one, as far as models or texts can tell. */
  | 'STRONG'
  /** There may be one. */
  | 'WEAK';

/** Drawn at random from the most probable tokens. */
export type NucleusInput = {
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: number | null | undefined;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: number | null | undefined;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1.1 when absent. */
  repetitionPenalty?: number | null | undefined;
  /** The same seed gives the same text. */
  seed: number;
  /** Draws from at most this many tokens; 50 when absent, no limit for 0. */
  topK?: number | null | undefined;
  /** Draws from the fewest tokens whose probabilities add up to this, above 0 to 1. */
  topP?: number;
};

/** How an operation stands. */
export type OperationState =
  /** Somebody ended it. */
  | 'CANCELLED'
  /** It could not go on; `error` says why. */
  | 'FAILED'
  /** It waits for a worker. */
  | 'QUEUED'
  /** A worker is at it. */
  | 'RUNNING'
  /** It is done. */
  | 'SUCCEEDED';

/** A condition on paths and addresses; letter case counts. All given members must hold of the same one. */
export type OriginFilter = {
  /** What it holds anywhere. */
  contains?: string | null | undefined;
  /** How it begins. */
  startsWith?: string | null | undefined;
};

/**
 * A condition on what a model answered; all given members must hold. Only answers that count are looked at: those that have a value, and at least the minimum
 * probability of their question.
 */
export type QuestionFilter = {
  /** Whether the picture has an answer that counts. */
  exists?: boolean | null | undefined;
  /** The answer is at least this number or text; for questions of type NUMBER or TEXT. */
  from?: unknown;
  /** The answer is one of these texts, numbers or truth values; 1 to 200 of them. */
  in?: Array<unknown> | null | undefined;
  /** Least probability of the answer, 0 to 1, as in `ImageAnswer.probability`. */
  minimumProbability?: number | null | undefined;
  /** Name of the question. One that the corpus does not have is an error. */
  name: string;
  /** The answer is at most this number or text; for questions of type NUMBER or TEXT. */
  to?: unknown;
};

/** Chooses the most probable of the given answers. */
export type RankInput = {
  /** The answers to choose from, 1 to 5,000. */
  answers: Array<string>;
  /** How many answers are scored in full after a first look at their first token; the model's own (128) when absent. */
  candidates?: number | null | undefined;
};

/** How deep the matching head judges. */
export type RerankInput = {
  /**
   * Milliseconds for the whole search. The most promising candidates are judged first; what is not judged by then stands below, and the report says
   * so. The server's own limit when absent or larger.
   */
  budgetMs?: number | null | undefined;
  /**
   * How many of the nearest pictures the matching head judges, 0 to 1,000. More finds better answers and takes longer; 0 keeps
   * the order of `itcCosine`.
   */
  candidates?: number;
};

/** One thing to look for. Exactly one member. */
export type SearchClause =
  {   /** Pictures that look like this stored one, which is itself no hit. */
  imageId: string | number; picture?: never; text?: never; url?: never; }
  |  { imageId?: never;   /** Pictures that look like this one: a JPEG, PNG, WebP, AVIF, TIFF or GIF file as base64, at most 700,000 bytes before encoding. It is not stored. */
  picture: string; text?: never; url?: never; }
  |  { imageId?: never; picture?: never;   /** What the picture should show, in words; at most 2,000 characters. Costs a pass of the matching head over all candidates. */
  text: string; url?: never; }
  |  { imageId?: never; picture?: never; text?: never;   /**
   * Pictures that look like the one at this address (http or https, a file as above), which the server fetches for the first page of an answer and does not store.
   * Only from public addresses, unless the server's settings allow others.
   */
  url: string; };

/** What to look for, and where. `all` and `any` together have at least one clause, all three at most 8. */
export type SearchInput = {
  /** Each of these should fit. */
  all?: Array<SearchClause> | null | undefined;
  /** At least one of these should fit. */
  any?: Array<SearchClause> | null | undefined;
  /**
   * Names of 1 to 16 corpora that are searched as if they were one. Scores of two models cannot be compared: the answer is of the corpora whose active space is
   * the one that most of them have, and `report.degraded` names the others (OTHER_MODEL, NO_ACTIVE_SPACE). A match probability needs every corpus of the
   * answer calibrated, and a filter has to fit each.
   */
  corpora?: Array<string> | null | undefined;
  /** Name of the corpus to search. Either this or `corpora`. */
  corpus?: string | null | undefined;
  /** Attributes whose values are to be counted, at most 8. */
  facets?: Array<FacetInput> | null | undefined;
  /** Only pictures that pass. However few pass, none of them is lost to the filter. */
  filter?: ImageFilter | null | undefined;
  /** Only hits with at least this match probability, 0 to 1. Needs a calibrated corpus and clauses that are texts; the report says when it could not be applied. */
  minMatch?: number | null | undefined;
  /** None of these should fit. Each is judged by itself: "dog" in `all` and "beach" in `none`, because models do not understand "without". */
  none?: Array<SearchClause> | null | undefined;
  /** How deep the matching head judges. */
  rerank?: RerankInput;
  /**
   * Share of the pictures' own texts in the order, 0 to 1: captions of people, of the web and of data sets, and the names of file and
   * folder. 0 orders by what the models see alone.
   */
  textWeight?: number;
};

/** A stage of a search. */
export type SearchStage =
  /** The text becomes a vector. */
  | 'EMBED_QUERY'
  /** Pictures are found by their own texts. */
  | 'MATCH_TEXTS'
  /** The matching head judges the candidates. */
  | 'RERANK'
  /** The nearest vectors of the corpus are found. */
  | 'RETRIEVE';

/** Where an upload is on its way. */
export type UploadState =
  /** It is a picture of its corpus. Searches find it when it is embedded, which `Corpus.coverage` shows. */
  | 'INGESTED'
  /** Bytes are missing. */
  | 'RECEIVING'
  /** It will never be a picture; `error` says why. */
  | 'REJECTED'
  /** Every byte is safe on disk; the ingest worker will make a picture of it, also after a crash. */
  | 'STORED';

/** What kind of mistake a caller made. */
export type UserErrorCode =
  /** It has ended already, in another way. */
  | 'ALREADY_FINISHED'
  /** It contradicts how things stand: somebody else is at it, it is so already, or the name is taken. */
  | 'CONFLICT'
  /** Bytes are missing. */
  | 'INCOMPLETE'
  /** A value is out of its range or has another form. */
  | 'INVALID_VALUE'
  /** There is nothing with this id or name. */
  | 'NOT_FOUND'
  /** The bytes are no picture, or the upload was rejected before. */
  | 'REJECTED'
  /** The picture is larger than this server takes. */
  | 'TOO_LARGE'
  /** Too many uploads of the corpus wait for their bytes. */
  | 'TOO_MANY'
  /** Another request is at it, or the server cannot take it at the moment. Try again. */
  | 'TRY_AGAIN';

/** What decides whether there is an answer. */
export type VerdictSource =
  /** The calibrated best score of the models. */
  | 'MODELS'
  /** The pictures' own texts: one holds every word of the query, or half of their weight. */
  | 'TEXTS';

export type AskQueryVariables = Exact<{
  imageId: string | number;
  question: string;
  mode?: AnswerModeInput | null | undefined;
}>;


export type AskQuery = { ask: { text: string, question: string, mode: AnswerMode, logProbability: number, modelName: string, modelFingerprint: string } };

export type DescribeQueryVariables = Exact<{
  imageId: string | number;
  first: number;
}>;


export type DescribeQuery = { describe: { modelName: string, modelFingerprint: string, texts: Array<{ text: string, captionId: string | null, itcCosine: number, itmLogit: number, rerankScore: number, matchProbability: number | null }> } };

export type EvidenceQueryVariables = Exact<{
  imageId: string | number;
  word: string;
  text?: string | null | undefined;
}>;


export type EvidenceQuery = { image: { evidence: { word: string, text: string | null, map: { rows: number, columns: number, values: Array<Array<number>>, method: EvidenceMethod, peakCosine: number | null, overlayUrl: string, modelName: string, modelFingerprint: string, peak: { x: number, y: number } | null, box: { left: number, top: number, width: number, height: number } | null } | null, failure: { code: string, message: string, retryable: boolean } | null } | null } | null };

export type HitFieldsFragment = { cursor: string, rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, matchProbability: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, origins: Array<string>, attributes: unknown, captions: Array<{ text: string, source: CaptionSource, verdict: CaptionVerdict | null }> } };

export type OperationFieldsFragment = { id: string, kind: string, state: OperationState, ratePerSecond: number | null, etaSeconds: number | null, dryRun: boolean, captionRunId: string | null, createdAt: string, updatedAt: string, finishedAt: string | null, counts: Array<{ name: string, value: number }>, coverage: Array<{ step: string, done: number, failed: number, excluded: number, waiting: number, total: number, unplanned: number }>, errorClasses: Array<{ step: string, code: string, kind: ErrorKind, count: number, waiting: number, message: string }>, error: { code: string, message: string } | null, indexRebuild: { vectorCount: number, indexed: boolean, queries: number, recallBefore: number, recallAfter: number | null, sizeBytesBefore: number, sizeBytesAfter: number | null } | null };

export type OperationsQueryVariables = Exact<{
  corpus?: string | null | undefined;
  first: number;
}>;


export type OperationsQuery = { operations: Array<{ id: string, kind: string, state: OperationState, ratePerSecond: number | null, etaSeconds: number | null, dryRun: boolean, captionRunId: string | null, createdAt: string, updatedAt: string, finishedAt: string | null, counts: Array<{ name: string, value: number }>, coverage: Array<{ step: string, done: number, failed: number, excluded: number, waiting: number, total: number, unplanned: number }>, errorClasses: Array<{ step: string, code: string, kind: ErrorKind, count: number, waiting: number, message: string }>, error: { code: string, message: string } | null, indexRebuild: { vectorCount: number, indexed: boolean, queries: number, recallBefore: number, recallAfter: number | null, sizeBytesBefore: number, sizeBytesAfter: number | null } | null }> };

export type OperationUpdatedSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type OperationUpdatedSubscription = { operationUpdated: { id: string, kind: string, state: OperationState, ratePerSecond: number | null, etaSeconds: number | null, dryRun: boolean, captionRunId: string | null, createdAt: string, updatedAt: string, finishedAt: string | null, counts: Array<{ name: string, value: number }>, coverage: Array<{ step: string, done: number, failed: number, excluded: number, waiting: number, total: number, unplanned: number }>, errorClasses: Array<{ step: string, code: string, kind: ErrorKind, count: number, waiting: number, message: string }>, error: { code: string, message: string } | null, indexRebuild: { vectorCount: number, indexed: boolean, queries: number, recallBefore: number, recallAfter: number | null, sizeBytesBefore: number, sizeBytesAfter: number | null } | null } };

export type PageFieldsFragment = { edges: Array<{ cursor: string, rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, matchProbability: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, origins: Array<string>, attributes: unknown, captions: Array<{ text: string, source: CaptionSource, verdict: CaptionVerdict | null }> } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, total: { value: number, relation: CountRelation }, verdict: { verdict: MatchVerdict, decidedBy: VerdictSource, answerProbability: number | null } | null, facets: Array<{ name: string, values: Array<{ value: unknown, count: number, hits: number, filter: unknown }> }>, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } };

export type SearchQueryVariables = Exact<{
  input: SearchInput;
  first: number;
  after?: string | null | undefined;
}>;


export type SearchQuery = { search: { edges: Array<{ cursor: string, rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, matchProbability: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, origins: Array<string>, attributes: unknown, captions: Array<{ text: string, source: CaptionSource, verdict: CaptionVerdict | null }> } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, total: { value: number, relation: CountRelation }, verdict: { verdict: MatchVerdict, decidedBy: VerdictSource, answerProbability: number | null } | null, facets: Array<{ name: string, values: Array<{ value: unknown, count: number, hits: number, filter: unknown }> }>, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } } };

export type SearchRefinedSubscriptionVariables = Exact<{
  input: SearchInput;
  first: number;
}>;


export type SearchRefinedSubscription = { searchRefined: { judged: number, candidates: number, isFinal: boolean, change: { isStable: boolean, entered: number, left: number, moved: number }, page: { edges: Array<{ cursor: string, rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, matchProbability: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, origins: Array<string>, attributes: unknown, captions: Array<{ text: string, source: CaptionSource, verdict: CaptionVerdict | null }> } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, total: { value: number, relation: CountRelation }, verdict: { verdict: MatchVerdict, decidedBy: VerdictSource, answerProbability: number | null } | null, facets: Array<{ name: string, values: Array<{ value: unknown, count: number, hits: number, filter: unknown }> }>, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } } } };

export type UploadFieldsFragment = { id: string, state: UploadState, url: string | null, expiresAt: string, name: string | null, sizeBytes: number | null, receivedBytes: number, sha256: string | null, image: { id: string, url: string, thumbnailUrl: string } | null, error: { code: string, message: string } | null };

export type CreateUploadMutationVariables = Exact<{
  input: CreateUploadInput;
}>;


export type CreateUploadMutation = { createUpload: { upload: { id: string, state: UploadState, url: string | null, expiresAt: string, name: string | null, sizeBytes: number | null, receivedBytes: number, sha256: string | null, image: { id: string, url: string, thumbnailUrl: string } | null, error: { code: string, message: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, path: Array<string> }> } };

export type UploadQueryVariables = Exact<{
  id: string | number;
}>;


export type UploadQuery = { upload: { id: string, state: UploadState, url: string | null, expiresAt: string, name: string | null, sizeBytes: number | null, receivedBytes: number, sha256: string | null, image: { id: string, url: string, thumbnailUrl: string } | null, error: { code: string, message: string } | null } | null };

export type UploadUpdatedSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type UploadUpdatedSubscription = { uploadUpdated: { id: string, state: UploadState, url: string | null, expiresAt: string, name: string | null, sizeBytes: number | null, receivedBytes: number, sha256: string | null, image: { id: string, url: string, thumbnailUrl: string } | null, error: { code: string, message: string } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const OperationFieldsFragmentDoc = new TypedDocumentString(`
    fragment OperationFields on Operation {
  id
  kind
  state
  counts {
    name
    value
  }
  ratePerSecond
  etaSeconds
  coverage {
    step
    done
    failed
    excluded
    waiting
    total
    unplanned
  }
  errorClasses {
    step
    code
    kind
    count
    waiting
    message
  }
  error {
    code
    message
  }
  dryRun
  indexRebuild {
    vectorCount
    indexed
    queries
    recallBefore
    recallAfter
    sizeBytesBefore
    sizeBytesAfter
  }
  captionRunId
  createdAt
  updatedAt
  finishedAt
}
    `, {"fragmentName":"OperationFields"}) as unknown as TypedDocumentString<OperationFieldsFragment, unknown>;
export const HitFieldsFragmentDoc = new TypedDocumentString(`
    fragment HitFields on SearchEdge {
  cursor
  rank
  rankBeforeRerank
  itcCosine
  itmLogit
  matchProbability
  rerankScore
  textScore
  fusedScore
  node {
    id
    url
    thumbnailUrl
    width
    height
    origins
    attributes
    captions {
      text
      source
      verdict
    }
  }
}
    `, {"fragmentName":"HitFields"}) as unknown as TypedDocumentString<HitFieldsFragment, unknown>;
export const PageFieldsFragmentDoc = new TypedDocumentString(`
    fragment PageFields on SearchConnection {
  edges {
    ...HitFields
  }
  pageInfo {
    hasNextPage
    hasPreviousPage
    startCursor
    endCursor
  }
  total {
    value
    relation
  }
  verdict {
    verdict
    decidedBy
    answerProbability
  }
  facets {
    name
    values {
      value
      count
      hits
      filter
    }
  }
  report {
    milliseconds
    stages {
      stage
      milliseconds
    }
    candidates {
      requested
      retrieved
      byText
      reranked
    }
    indexMode
    estimatedRecall
    cacheHits {
      imageTokens
      vectors
      keptAnswer
    }
    modelName
    modelFingerprint
    degraded {
      stage
      code
      message
      images
    }
  }
}
    fragment HitFields on SearchEdge {
  cursor
  rank
  rankBeforeRerank
  itcCosine
  itmLogit
  matchProbability
  rerankScore
  textScore
  fusedScore
  node {
    id
    url
    thumbnailUrl
    width
    height
    origins
    attributes
    captions {
      text
      source
      verdict
    }
  }
}`, {"fragmentName":"PageFields"}) as unknown as TypedDocumentString<PageFieldsFragment, unknown>;
export const UploadFieldsFragmentDoc = new TypedDocumentString(`
    fragment UploadFields on Upload {
  id
  state
  url
  expiresAt
  name
  sizeBytes
  receivedBytes
  sha256
  image {
    id
    url
    thumbnailUrl
  }
  error {
    code
    message
  }
}
    `, {"fragmentName":"UploadFields"}) as unknown as TypedDocumentString<UploadFieldsFragment, unknown>;
export const AskDocument = new TypedDocumentString(`
    query Ask($imageId: ID!, $question: String!, $mode: AnswerModeInput) {
  ask(imageId: $imageId, question: $question, mode: $mode) {
    text
    question
    mode
    logProbability
    modelName
    modelFingerprint
  }
}
    `) as unknown as TypedDocumentString<AskQuery, AskQueryVariables>;
export const DescribeDocument = new TypedDocumentString(`
    query Describe($imageId: ID!, $first: Int!) {
  describe(imageId: $imageId, first: $first) {
    texts {
      text
      captionId
      itcCosine
      itmLogit
      rerankScore
      matchProbability
    }
    modelName
    modelFingerprint
  }
}
    `) as unknown as TypedDocumentString<DescribeQuery, DescribeQueryVariables>;
export const EvidenceDocument = new TypedDocumentString(`
    query Evidence($imageId: ID!, $word: String!, $text: String) {
  image(id: $imageId) {
    evidence(word: $word, text: $text) {
      word
      text
      map {
        rows
        columns
        values
        peak {
          x
          y
        }
        box {
          left
          top
          width
          height
        }
        method
        peakCosine
        overlayUrl
        modelName
        modelFingerprint
      }
      failure {
        code
        message
        retryable
      }
    }
  }
}
    `) as unknown as TypedDocumentString<EvidenceQuery, EvidenceQueryVariables>;
export const OperationsDocument = new TypedDocumentString(`
    query Operations($corpus: String, $first: Int!) {
  operations(corpus: $corpus, first: $first) {
    ...OperationFields
  }
}
    fragment OperationFields on Operation {
  id
  kind
  state
  counts {
    name
    value
  }
  ratePerSecond
  etaSeconds
  coverage {
    step
    done
    failed
    excluded
    waiting
    total
    unplanned
  }
  errorClasses {
    step
    code
    kind
    count
    waiting
    message
  }
  error {
    code
    message
  }
  dryRun
  indexRebuild {
    vectorCount
    indexed
    queries
    recallBefore
    recallAfter
    sizeBytesBefore
    sizeBytesAfter
  }
  captionRunId
  createdAt
  updatedAt
  finishedAt
}`) as unknown as TypedDocumentString<OperationsQuery, OperationsQueryVariables>;
export const OperationUpdatedDocument = new TypedDocumentString(`
    subscription OperationUpdated($id: ID!) {
  operationUpdated(id: $id) {
    ...OperationFields
  }
}
    fragment OperationFields on Operation {
  id
  kind
  state
  counts {
    name
    value
  }
  ratePerSecond
  etaSeconds
  coverage {
    step
    done
    failed
    excluded
    waiting
    total
    unplanned
  }
  errorClasses {
    step
    code
    kind
    count
    waiting
    message
  }
  error {
    code
    message
  }
  dryRun
  indexRebuild {
    vectorCount
    indexed
    queries
    recallBefore
    recallAfter
    sizeBytesBefore
    sizeBytesAfter
  }
  captionRunId
  createdAt
  updatedAt
  finishedAt
}`) as unknown as TypedDocumentString<OperationUpdatedSubscription, OperationUpdatedSubscriptionVariables>;
export const SearchDocument = new TypedDocumentString(`
    query Search($input: SearchInput!, $first: Int!, $after: String) {
  search(input: $input, first: $first, after: $after) {
    ...PageFields
  }
}
    fragment HitFields on SearchEdge {
  cursor
  rank
  rankBeforeRerank
  itcCosine
  itmLogit
  matchProbability
  rerankScore
  textScore
  fusedScore
  node {
    id
    url
    thumbnailUrl
    width
    height
    origins
    attributes
    captions {
      text
      source
      verdict
    }
  }
}
fragment PageFields on SearchConnection {
  edges {
    ...HitFields
  }
  pageInfo {
    hasNextPage
    hasPreviousPage
    startCursor
    endCursor
  }
  total {
    value
    relation
  }
  verdict {
    verdict
    decidedBy
    answerProbability
  }
  facets {
    name
    values {
      value
      count
      hits
      filter
    }
  }
  report {
    milliseconds
    stages {
      stage
      milliseconds
    }
    candidates {
      requested
      retrieved
      byText
      reranked
    }
    indexMode
    estimatedRecall
    cacheHits {
      imageTokens
      vectors
      keptAnswer
    }
    modelName
    modelFingerprint
    degraded {
      stage
      code
      message
      images
    }
  }
}`) as unknown as TypedDocumentString<SearchQuery, SearchQueryVariables>;
export const SearchRefinedDocument = new TypedDocumentString(`
    subscription SearchRefined($input: SearchInput!, $first: Int!) {
  searchRefined(input: $input, first: $first) {
    judged
    candidates
    isFinal
    change {
      isStable
      entered
      left
      moved
    }
    page {
      ...PageFields
    }
  }
}
    fragment HitFields on SearchEdge {
  cursor
  rank
  rankBeforeRerank
  itcCosine
  itmLogit
  matchProbability
  rerankScore
  textScore
  fusedScore
  node {
    id
    url
    thumbnailUrl
    width
    height
    origins
    attributes
    captions {
      text
      source
      verdict
    }
  }
}
fragment PageFields on SearchConnection {
  edges {
    ...HitFields
  }
  pageInfo {
    hasNextPage
    hasPreviousPage
    startCursor
    endCursor
  }
  total {
    value
    relation
  }
  verdict {
    verdict
    decidedBy
    answerProbability
  }
  facets {
    name
    values {
      value
      count
      hits
      filter
    }
  }
  report {
    milliseconds
    stages {
      stage
      milliseconds
    }
    candidates {
      requested
      retrieved
      byText
      reranked
    }
    indexMode
    estimatedRecall
    cacheHits {
      imageTokens
      vectors
      keptAnswer
    }
    modelName
    modelFingerprint
    degraded {
      stage
      code
      message
      images
    }
  }
}`) as unknown as TypedDocumentString<SearchRefinedSubscription, SearchRefinedSubscriptionVariables>;
export const CreateUploadDocument = new TypedDocumentString(`
    mutation CreateUpload($input: CreateUploadInput!) {
  createUpload(input: $input) {
    upload {
      ...UploadFields
    }
    userErrors {
      code
      message
      path
    }
  }
}
    fragment UploadFields on Upload {
  id
  state
  url
  expiresAt
  name
  sizeBytes
  receivedBytes
  sha256
  image {
    id
    url
    thumbnailUrl
  }
  error {
    code
    message
  }
}`) as unknown as TypedDocumentString<CreateUploadMutation, CreateUploadMutationVariables>;
export const UploadDocument = new TypedDocumentString(`
    query Upload($id: ID!) {
  upload(id: $id) {
    ...UploadFields
  }
}
    fragment UploadFields on Upload {
  id
  state
  url
  expiresAt
  name
  sizeBytes
  receivedBytes
  sha256
  image {
    id
    url
    thumbnailUrl
  }
  error {
    code
    message
  }
}`) as unknown as TypedDocumentString<UploadQuery, UploadQueryVariables>;
export const UploadUpdatedDocument = new TypedDocumentString(`
    subscription UploadUpdated($id: ID!) {
  uploadUpdated(id: $id) {
    ...UploadFields
  }
}
    fragment UploadFields on Upload {
  id
  state
  url
  expiresAt
  name
  sizeBytes
  receivedBytes
  sha256
  image {
    id
    url
    thumbnailUrl
  }
  error {
    code
    message
  }
}`) as unknown as TypedDocumentString<UploadUpdatedSubscription, UploadUpdatedSubscriptionVariables>;