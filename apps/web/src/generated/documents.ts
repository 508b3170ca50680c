// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
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

/** How the vector search found the nearest vectors. */
export type IndexMode =
  /** Every vector of the corpus was compared; nothing nearer was missed. */
  | 'EXACT'
  /** The HNSW index answered; a nearer vector may have been missed. */
  | 'HNSW'
  /** A copy in memory answered, brought up to date with the database first: every vector was compared in 8 bits a number, the best of them exactly. */
  | 'HOT_TIER';

/** Whether there is an answer. */
export type MatchVerdict =
  /** What was found is only the least unfitting. */
  | 'NONE'
  /** There is one, as far as models or texts can tell. */
  | 'STRONG'
  /** There may be one. */
  | 'WEAK';

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

export type AskQueryVariables = Exact<{
  imageId: string | number;
  question: string;
}>;


export type AskQuery = { ask: { text: string, question: string, modelName: string } };

export type CaptionQueryVariables = Exact<{
  imageId: string | number;
}>;


export type CaptionQuery = { caption: { text: string, stored: boolean, modelName: string } };

export type CorporaQueryVariables = Exact<{ [key: string]: never; }>;


export type CorporaQuery = { corpora: Array<{ name: string, imageCount: number, activeSpace: { id: string } | null }> };

export type CreateUploadMutationVariables = Exact<{
  input: CreateUploadInput;
}>;


export type CreateUploadMutation = { createUpload: { upload: { url: string | null } | null, userErrors: Array<{ message: string }> } };

export type EvidenceQueryVariables = Exact<{
  imageId: string | number;
  word: string;
  text: string;
}>;


export type EvidenceQuery = { image: { evidence: { word: string, map: { overlayUrl: string, peakCosine: number | null } | null, failure: { message: string } | null } | null } | null };

export type FillingQueryVariables = Exact<{
  name: string;
}>;


export type FillingQuery = { corpus: { coverage: Array<{ step: string, done: number, waiting: number, unplanned: number }> } | null };

export type ImageQueryVariables = Exact<{
  id: string | number;
}>;


export type ImageQuery = { image: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, origins: Array<string>, attributes: unknown, captions: Array<{ text: string, source: CaptionSource }> } | null };

export type SearchPageFragment = { edges: Array<{ rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, matchProbability: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, corpus: { name: string }, captions: Array<{ text: string, source: CaptionSource }> } }>, verdict: { verdict: MatchVerdict } | null, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, itcWeight: number, textWeight: number, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } };

export type SearchRefinedSubscriptionVariables = Exact<{
  corpora: Array<string> | string;
  text: string;
  first: number;
}>;


export type SearchRefinedSubscription = { searchRefined: { judged: number, candidates: number, isFinal: boolean, page: { edges: Array<{ rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, matchProbability: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, corpus: { name: string }, captions: Array<{ text: string, source: CaptionSource }> } }>, verdict: { verdict: MatchVerdict } | null, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, itcWeight: number, textWeight: number, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } } } };

export type SearchQueryVariables = Exact<{
  corpora: Array<string> | string;
  text: string;
  first: number;
}>;


export type SearchQuery = { search: { edges: Array<{ rank: number, rankBeforeRerank: number | null, itcCosine: number | null, itmLogit: number | null, rerankScore: number | null, textScore: number, fusedScore: number | null, matchProbability: number | null, node: { id: string, url: string, thumbnailUrl: string, width: number | null, height: number | null, corpus: { name: string }, captions: Array<{ text: string, source: CaptionSource }> } }>, verdict: { verdict: MatchVerdict } | null, report: { milliseconds: number, indexMode: IndexMode, estimatedRecall: number | null, modelName: string, modelFingerprint: string, itcWeight: number, textWeight: number, stages: Array<{ stage: SearchStage, milliseconds: number }>, candidates: { requested: number, retrieved: number, byText: number, reranked: number }, cacheHits: { imageTokens: number | null, vectors: number, keptAnswer: boolean }, degraded: Array<{ stage: SearchStage, code: string, message: string, images: number }> } } };
