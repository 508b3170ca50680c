// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { AskResult, Classification as ClassificationResult, Description, DescribeResult, Evidence as EvidenceResult, CaptionResult, ClauseScores as ClauseRow, SearchPage, PageHit, SearchReport as ReportRow } from '@medley/search';
import type { AttributeDeclaration as AttributeRow, Caption as CaptionRow, CaptionExplanation as ExplanationRow, Corpus as CorpusRow, Image as ImageRow, StoredAnswer, NearDuplicate as NearDuplicateRow, Operation as OperationRow, Question as QuestionRow, Space as SpaceRow, Upload as UploadRow } from '@medley/storage';
import type { DrawnMap } from '../evidence-overlay.ts';
import type { RefinementEvent } from '../resolvers/search-refined.ts';
import type { GatewayContext } from '../context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A whole number that may be larger than Int allows, as a JSON number of at most 2^53 - 1. */
  BigInt: { input: number; output: number; }
  /** A time with its date, ISO 8601 in UTC, such as 2026-01-31T12:00:00.000Z. */
  DateTime: { input: Date; output: Date; }
  /** Any JSON value. */
  JSON: { input: unknown; output: unknown; }
};

/** The answer to a question about a picture. */
export type Answer = {
  __typename?: 'Answer';
  /** The picture that the question is about. */
  image: Image;
  /** Natural logarithm of the probability that the model gives the answer's tokens. */
  logProbability: Scalars['Float']['output'];
  /** Whether the answer was generated or chosen from a list. */
  mode: AnswerMode;
  /** SHA-256 over the answerer's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the answerer in the model set. */
  modelName: Scalars['String']['output'];
  /** The question as it was asked, without white space around it. */
  question: Scalars['String']['output'];
  /** The answer. */
  text: Scalars['String']['output'];
};

/** How an answer came about. */
export type AnswerMode =
  /** Word by word. */
  | 'GENERATE'
  /** Chosen from a list of answers. */
  | 'RANK';

/** How an answer is found. Exactly one member. */
export type AnswerModeInput =
  /** Writes the answer word by word. */
  { generate: DecodingInput; rank?: never; }
  |  /** Chooses the most probable of the given answers. */
  { generate?: never; rank: RankInput; };

/** A model that answered a question. */
export type AnsweringModel = {
  __typename?: 'AnsweringModel';
  /** How many pictures it answered about. */
  images: Scalars['Int']['output'];
  /** SHA-256 over the model's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
};

/** What an attribute of a corpus's pictures is. */
export type AttributeDeclaration = {
  __typename?: 'AttributeDeclaration';
  /** Whether it holds a list. */
  list: Scalars['Boolean']['output'];
  /** Name of the attribute. */
  name: Scalars['String']['output'];
  /** Whether every picture must have it. */
  required: Scalars['Boolean']['output'];
  /** Of which type its value, or each member of its list, is. */
  type: AttributeType;
  /** The only values that it may have; null when it may have any of its type. */
  values?: Maybe<Array<Scalars['JSON']['output']>>;
};

/** A condition on an attribute; all given members must hold. Where the attribute is a list, one of its members must fit. */
export type AttributeFilter = {
  /** Whether the picture has the attribute with a value other than null. */
  exists?: InputMaybe<Scalars['Boolean']['input']>;
  /** The value is at least this number or text; numbers are compared with numbers, texts (such as ISO dates) with texts by their characters. */
  from?: InputMaybe<Scalars['JSON']['input']>;
  /** The value is one of these texts, numbers or truth values; 1 to 200 of them. */
  in?: InputMaybe<Array<Scalars['JSON']['input']>>;
  /** Name of the attribute. */
  name: Scalars['String']['input'];
  /** The value is at most this number or text. */
  to?: InputMaybe<Scalars['JSON']['input']>;
};

/** Type of a declared attribute. */
export type AttributeType =
  /** True or false. */
  | 'BOOLEAN'
  /** A day (2026-01-31) or a moment in UTC (2026-01-31T12:00:00.000Z), as text. */
  | 'DATE'
  /** A number. */
  | 'NUMBER'
  /** A text. */
  | 'TEXT';

/** The most probable sequence among several kept at every step. */
export type BeamInput = {
  /** How many sequences are kept, 1 to 16. */
  beams?: Scalars['Int']['input'];
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: InputMaybe<Scalars['Int']['input']>;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: InputMaybe<Scalars['Int']['input']>;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1 when absent. */
  repetitionPenalty?: InputMaybe<Scalars['Float']['input']>;
};

/** What a search found there already and did not have to compute. */
export type CacheHits = {
  __typename?: 'CacheHits';
  /** Of the re-ranked pictures those whose image tokens were stored; for the others the vision tower ran. Null where nothing was re-ranked, and where the inference server does not tell. */
  imageTokens?: Maybe<Scalars['Int']['output']>;
  /** Whether this page was cut from a kept answer. The rest of the report is then that of the search which made the answer. */
  keptAnswer: Scalars['Boolean']['output'];
  /** Clauses that name a stored image whose vector the active space holds. Texts, pictures that were sent and addresses are always embedded. */
  vectors: Scalars['Int']['output'];
};

/** What `cancelOperation` answers. */
export type CancelOperationPayload = {
  __typename?: 'CancelOperationPayload';
  /** The operation, CANCELLED; null when there are errors. */
  operation?: Maybe<Operation>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** How many pictures went through the stages of a search. */
export type CandidateCounts = {
  __typename?: 'CandidateCounts';
  /** How many more were found by their own texts alone. */
  byText: Scalars['Int']['output'];
  /** How many the caller wanted re-ranked. */
  requested: Scalars['Int']['output'];
  /** How many of both have an `itmLogit`. */
  reranked: Scalars['Int']['output'];
  /** How many the vector search returned: fewer in a small corpus, more when four pages are larger than `candidates`. */
  retrieved: Scalars['Int']['output'];
};

/** A stored text of a picture: a row of the caption ledger. Captions are only ever added. */
export type Caption = {
  __typename?: 'Caption';
  /** The person or program that wrote it, where that is known. */
  author?: Maybe<Scalars['String']['output']>;
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** ISO 639-1 code of its language; "und" where it is too short to tell, "zxx" where it holds no word, null until it was looked at. */
  language?: Maybe<Scalars['String']['output']>;
  /** Fingerprint of the model that wrote it; null where no model did. */
  modelFingerprint?: Maybe<Scalars['String']['output']>;
  /** Why; null until a filter has judged it. */
  reason?: Maybe<CaptionReason>;
  /** The run of the captioner that wrote it, as `revertCaptionRun` takes it; null where no run did. */
  runId?: Maybe<Scalars['ID']['output']>;
  /** Who wrote it. */
  source: CaptionSource;
  /** The caption that a person wrote in its place; null while nobody did. */
  supersededBy?: Maybe<Scalars['ID']['output']>;
  /** The text. */
  text: Scalars['String']['output'];
  /** Whether it counts as a true text of the picture now; null until a filter has judged it. */
  verdict?: Maybe<CaptionVerdict>;
};

/** A text that the captioner could have given a picture as well. */
export type CaptionAlternative = {
  __typename?: 'CaptionAlternative';
  /** Natural logarithm of the probability that the model gives the text's tokens, after the penalty for repetition where beams were searched. */
  logProbability: Scalars['Float']['output'];
  /** The text. */
  text: Scalars['String']['output'];
};

/** What one policy decided about a caption. */
export type CaptionDecision = {
  __typename?: 'CaptionDecision';
  /** Whether it is the policy that counts. */
  active: Scalars['Boolean']['output'];
  /** Fingerprint of the filter whose scores it reads. */
  filterFingerprint: Scalars['String']['output'];
  /** Match probability by the rule's calibration; null where the filter has not scored the caption. */
  matchProbability?: Maybe<Scalars['Float']['output']>;
  /** Why. */
  reason: CaptionReason;
  /** The rule: slope and offset of the calibration, thresholds by source, and gates, as JSON. */
  rule: Scalars['JSON']['output'];
  /** What it decided. */
  verdict: CaptionVerdict;
  /** Version of the policy within its corpus, from 1. */
  version: Scalars['Int']['output'];
};

/** Everything that led to what a caption counts for. */
export type CaptionExplanation = {
  __typename?: 'CaptionExplanation';
  /** The caption with its verdict. */
  caption: Caption;
  /** What each policy of the corpus decided, newest first; the active one counts unless a person reviewed the caption. */
  decisions: Array<CaptionDecision>;
  /** Share of different words, 0 to 1. */
  distinctWords: Scalars['Float']['output'];
  /** What people decided, newest first; the first one stands above every policy. */
  reviews: Array<CaptionReview>;
  /** What each filter thinks of it, oldest first. */
  scores: Array<CaptionScore>;
  /** How many words the text has. */
  words: Scalars['Int']['output'];
};

/** What changes of captions answer. */
export type CaptionPayload = {
  __typename?: 'CaptionPayload';
  /** The caption that was written or decided about; null when there are errors. */
  caption?: Maybe<Caption>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** Why a caption counts for what it does. */
export type CaptionReason =
  /** Rejected: its match probability is below the threshold of its source. */
  | 'BELOW_THRESHOLD'
  /** Unjudged: a long text, whose sentences are captions of their own. */
  | 'JUDGED_BY_SENTENCES'
  /** Kept: its match probability is at or above the threshold of its source. */
  | 'MATCHES'
  /** Rejected: enough other synthetic captions of the picture are better. */
  | 'NOT_AMONG_BEST'
  /** Unjudged: it is known to be in a language that the policy does not name. */
  | 'OTHER_LANGUAGE'
  /** Rejected: too few of its words are different ones. */
  | 'REPETITIVE'
  /** A person kept or rejected it. */
  | 'REVIEWED'
  /** Rejected: the run of the captioner that wrote it was taken back. */
  | 'RUN_REVERTED'
  /** Rejected: a person wrote another text in its place. */
  | 'SUPERSEDED'
  /** Unjudged: no word is in it. */
  | 'WORDLESS'
  /** Kept: a person wrote it, and no machine judges it. */
  | 'WRITTEN_BY_A_PERSON';

/** A person's decision about a caption. */
export type CaptionReview = {
  __typename?: 'CaptionReview';
  /** Why, where it was said. */
  note?: Maybe<Scalars['String']['output']>;
  /** Who decided. */
  reviewer: Scalars['String']['output'];
  /** What was decided: kept or rejected. */
  verdict: CaptionVerdict;
};

/** What one filter model thinks of a caption. */
export type CaptionScore = {
  __typename?: 'CaptionScore';
  /** Fingerprint of the filter. */
  filterFingerprint: Scalars['String']['output'];
  /** Cosine of picture and text, -1 to 1; null where the filter has no contrastive heads. */
  itcCosine?: Maybe<Scalars['Float']['output']>;
  /** Raw logit of "match". Not a probability. */
  itmLogit: Scalars['Float']['output'];
  /** Raw logit of "no match"; null in scores that an older Medley stored. */
  itmNoMatchLogit?: Maybe<Scalars['Float']['output']>;
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

/** How well labels fit a picture. */
export type Classification = {
  __typename?: 'Classification';
  /** The best label whose match probability is one half or more; null when none of them fits so well, and until the corpus is calibrated. */
  best?: Maybe<LabelFit>;
  /** The picture. */
  image: Image;
  /** The labels, best first. */
  labels: Array<LabelFit>;
  /** SHA-256 over the retrieval model's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the retrieval model in the model set. */
  modelName: Scalars['String']['output'];
};

/** How a clause counts. */
export type ClausePlace =
  /** It should fit. */
  | 'ALL'
  /** It or another of them should fit. */
  | 'ANY'
  /** It should not fit. */
  | 'NONE';

/** How well a picture fits one clause. */
export type ClauseScores = {
  __typename?: 'ClauseScores';
  /** How well the picture fits the clause by models and texts, 0 to 1; null where it was not judged. Says nothing outside of this answer. */
  fit?: Maybe<Scalars['Float']['output']>;
  /** Cosine of the picture's and the clause's embeddings, -1 to 1; null while the models are away. */
  itcCosine?: Maybe<Scalars['Float']['output']>;
  /** Raw logit of "match"; null where the picture was not re-ranked, and for a clause that is a picture. */
  itmLogit?: Maybe<Scalars['Float']['output']>;
  /** Calibrated probability that the picture fits this clause; null without a calibration, and for a clause that is a picture. */
  matchProbability?: Maybe<Scalars['Float']['output']>;
  /** How the clause counts. */
  place: ClausePlace;
  /** `itmLogit + w * itcCosine`; null where the picture was not re-ranked. */
  rerankScore?: Maybe<Scalars['Float']['output']>;
  /** Cosine of the clause and the nearest of the picture's own texts, -1 to 1. */
  textCosine?: Maybe<Scalars['Float']['output']>;
  /** What its own texts say for the picture, 0 to 1. */
  textScore: Scalars['Float']['output'];
  /** Share of the clause's words that the picture's own texts hold, 0 to 1. */
  textShare: Scalars['Float']['output'];
};

/** What `completeUpload` answers. */
export type CompleteUploadPayload = {
  __typename?: 'CompleteUploadPayload';
  /** The upload, STORED or further; null when there are errors. */
  upload?: Maybe<Upload>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** A named collection of pictures. */
export type Corpus = {
  __typename?: 'Corpus';
  /** The embedding space that answers searches; null before the first pictures are embedded. */
  activeSpace?: Maybe<Space>;
  /** What the corpus declares about attributes, by name; others may hold anything. */
  attributes: Array<AttributeDeclaration>;
  /** Per step of the pipeline, how many pictures are through. */
  coverage: Array<StepCoverage>;
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** How many pictures it holds. */
  imageCount: Scalars['Int']['output'];
  /** The name that searches use. */
  name: Scalars['String']['output'];
  /** Since when nobody begins a step of it, because somebody paused it; null when it is not paused. */
  pausedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The questions that a model answers about every picture, in the order in which they were declared. */
  questions: Array<Question>;
  /** Every space that it is or was embedded into, newest first. */
  spaces: Array<CorpusSpace>;
};

/** What changes of a corpus answer. */
export type CorpusPayload = {
  __typename?: 'CorpusPayload';
  /** The corpus as it is now; null when there are errors. */
  corpus?: Maybe<Corpus>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** A space of a corpus, and how it stands there. */
export type CorpusSpace = {
  __typename?: 'CorpusSpace';
  /** The space. */
  space: Space;
  /** How it stands. */
  state: SpaceState;
  /** How many pictures of the corpus have a vector in it. */
  vectorCount: Scalars['Int']['output'];
};

/** A number of pictures. */
export type Count = {
  __typename?: 'Count';
  /** Whether there are just as many or more. */
  relation: CountRelation;
  /** The number. */
  value: Scalars['Int']['output'];
};

/** How a number relates to what was counted. */
export type CountRelation =
  /** So many were looked at; the corpus has more that could follow. */
  | 'AT_LEAST'
  /** Just as many. */
  | 'EXACT';

/** What is going to be sent. */
export type CreateUploadInput = {
  /** What else is known of the picture: a flat JSON object, at most 65,536 characters. */
  attributes?: InputMaybe<Scalars['JSON']['input']>;
  /** Name or id of the corpus that gains the picture, 1 to 200 characters. */
  corpus: Scalars['String']['input'];
  /** Name of the file, for people and for searches; at most 500 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** How many bytes the picture has. When it is absent, the request that does not say otherwise ends the picture. */
  sizeBytes?: InputMaybe<Scalars['BigInt']['input']>;
  /** A text that belongs to the picture, such as its alternative text: it becomes a caption with the source WEB. At most 10,000 characters. */
  text?: InputMaybe<Scalars['String']['input']>;
};

/** What `createUpload` answers. */
export type CreateUploadPayload = {
  __typename?: 'CreateUploadPayload';
  /** The upload, RECEIVING; null when there are errors. */
  upload?: Maybe<Upload>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** From one moment to another, both included; at least one of them. */
export type DateRange = {
  /** ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z. */
  from?: InputMaybe<Scalars['String']['input']>;
  /** ISO 8601; a day without a time is its first moment. */
  to?: InputMaybe<Scalars['String']['input']>;
};

/** What a model is to be asked about every picture of a corpus. */
export type DeclareQuestionInput = {
  /** The answers to choose from, 2 to 1,000, for CATEGORY alone. */
  answers?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Name or id of the corpus. */
  corpus: Scalars['String']['input'];
  /** Answers below this probability stay stored and do not count, 0 to 1; all count when absent. */
  minimumProbability?: InputMaybe<Scalars['Float']['input']>;
  /** Name of the column, 1 to 200 characters. */
  name: Scalars['String']['input'];
  /** The question in words, 1 to 2,000 characters. */
  question: Scalars['String']['input'];
  /** What answers are read as. */
  type: QuestionType;
};

/** How words are chosen. Exactly one member. */
export type DecodingInput =
  /** The most probable sequence among several kept at every step. */
  { beam: BeamInput; greedy?: never; nucleus?: never; }
  |  /** The most probable token at every step. */
  { beam?: never; greedy: GreedyInput; nucleus?: never; }
  |  /** Drawn at random from the most probable tokens; the same seed gives the same text. */
  { beam?: never; greedy?: never; nucleus: NucleusInput; };

/** A way in which an answer is less than what was asked for. */
export type Degradation = {
  __typename?: 'Degradation';
  /** Stable cause, such as DEADLINE_EXCEEDED, OVERLOADED or IMAGE_NOT_FOUND. */
  code: Scalars['String']['output'];
  /** How many candidates it concerns. */
  images: Scalars['Int']['output'];
  /** What happened and what it means for the order, for people. */
  message: Scalars['String']['output'];
  /** The stage that was cut. */
  stage: SearchStage;
};

/** What `deleteCorpus` answers. */
export type DeleteCorpusPayload = {
  __typename?: 'DeleteCorpusPayload';
  /** Id of the corpus that is gone; null when there are errors. */
  deletedCorpusId?: Maybe<Scalars['ID']['output']>;
  /** Removes what is left of it: DELETE_CORPUS, with the counts `images` and `imagesDeleted`. It belongs to no corpus. Null when there are errors. */
  operation?: Maybe<Operation>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** What `deleteImage` answers. */
export type DeleteImagePayload = {
  __typename?: 'DeleteImagePayload';
  /** Whether its bytes are gone as well; false where another corpus or an upload has the same ones. */
  bytesRemoved: Scalars['Boolean']['output'];
  /** Id of the picture that is gone; null when there are errors. */
  deletedImageId?: Maybe<Scalars['ID']['output']>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** A text of the corpus and how well it fits a picture. */
export type DescribingText = {
  __typename?: 'DescribingText';
  /** The caption that says it; null where it is the name of a file. */
  captionId?: Maybe<Scalars['ID']['output']>;
  /** Cosine of the embeddings of picture and text, -1 to 1. */
  itcCosine: Scalars['Float']['output'];
  /** Raw logit of "match". Not a probability. */
  itmLogit: Scalars['Float']['output'];
  /** Calibrated probability that picture and text belong together; null until the corpus is calibrated for this model. */
  matchProbability?: Maybe<Scalars['Float']['output']>;
  /** The picture that the text stands beside; of several, one whose text is nearest. */
  of: Image;
  /** `itmLogit + w * itcCosine`: what texts are ordered by. */
  rerankScore: Scalars['Float']['output'];
  /** The text. */
  text: Scalars['String']['output'];
};

/** How often something went wrong for one reason. */
export type ErrorClass = {
  __typename?: 'ErrorClass';
  /** Stable cause, as `retryFailed` takes it. */
  code: Scalars['String']['output'];
  /** How many pictures, files or uploads it stopped for good. */
  count: Scalars['Int']['output'];
  /** Whether the same could succeed later. */
  kind: ErrorKind;
  /** What was said of the last of them. */
  message: Scalars['String']['output'];
  /** Name of the step, as in `StepCoverage.step`, answer for questions, or register for files and uploads that never became a picture. */
  step: Scalars['String']['output'];
  /** How many pictures will be tried again by themselves. */
  waiting: Scalars['Int']['output'];
};

/** Whether the same could succeed later. */
export type ErrorKind =
  /** Nothing went wrong; somebody took it out of the work. */
  | 'CANCELLED'
  /** The picture or text is refused: it is not tried again until somebody asks. */
  | 'PERMANENT'
  /** The engine or a deadline: it is tried five times, later each time. */
  | 'TRANSIENT';

/** Where a picture shows a word, as far as a model can tell. `docs/evidence.md` says how often it is right, and what it does not tell. */
export type Evidence = {
  __typename?: 'Evidence';
  /** Why there is no map: models that are away or busy, or a picture whose bytes and image tokens are gone. */
  failure?: Maybe<EvidenceFailure>;
  /** Null where there is none; `failure` then says why. */
  map?: Maybe<EvidenceMap>;
  /** The text that has the word: of a hit the first of the query's that does. Null where none was given, and without a map. */
  text?: Maybe<Scalars['String']['output']>;
  /** What was looked for. */
  word: Scalars['String']['output'];
};

/** A part of a picture. */
export type EvidenceBox = {
  __typename?: 'EvidenceBox';
  /** Its height as a share of the picture's. */
  height: Scalars['Float']['output'];
  /** Share of the picture's width left of it, 0 to 1. */
  left: Scalars['Float']['output'];
  /** Share of the picture's height above it, 0 to 1. */
  top: Scalars['Float']['output'];
  /** Its width as a share of the picture's. */
  width: Scalars['Float']['output'];
};

/** Why there is no map. */
export type EvidenceFailure = {
  __typename?: 'EvidenceFailure';
  /** Stable cause, such as UNAVAILABLE, DEADLINE_EXCEEDED or IMAGE_NOT_FOUND. */
  code: Scalars['String']['output'];
  /** What happened, for people. */
  message: Scalars['String']['output'];
  /** Whether the same question may succeed later. */
  retryable: Scalars['Boolean']['output'];
};

/**
 * How much each place of a picture speaks for a word. It tells where and never whether: the greatest place is 1 also in a picture that does not show the word.
 * Whether it does is what `itmLogit`, `matchProbability` and `classify` judge.
 */
export type EvidenceMap = {
  __typename?: 'EvidenceMap';
  /** What lies around the peak: patches of at least 0.6 that hang together with it. Null where all are the same, and for the method CROSS_ATTENTION. */
  box?: Maybe<EvidenceBox>;
  /** How many patches the picture has from left to right. */
  columns: Scalars['Int']['output'];
  /** What the numbers are made of. */
  method: EvidenceMethod;
  /** SHA-256 over that model's weights and every setting that changes its embeddings. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the model that looked. */
  modelName: Scalars['String']['output'];
  /** Path of a transparent PNG on this server in the picture's shape, to be laid over the picture or its thumbnail. It never changes, and asks no model. */
  overlayUrl: Scalars['String']['output'];
  /** Middle of the greatest patch; null where all are the same. */
  peak?: Maybe<EvidencePoint>;
  /** Cosine of the word's embedding and the greatest patch's, -1 to 1; null for the method CROSS_ATTENTION. Unlike `values` it compares pictures. */
  peakCosine?: Maybe<Scalars['Float']['output']>;
  /** How many patches the picture has from top to bottom. The grid lies over the whole picture, whatever its shape. */
  rows: Scalars['Int']['output'];
  /** A list for each row from the top, with a number for each patch from the left: 0 for the least of the picture, 1 for the greatest. */
  values: Array<Array<Scalars['Float']['output']>>;
};

/** What an evidence map is made of. Each model set says which it is. */
export type EvidenceMethod =
  /** Where a layer of the matching head looks from the word, against where it looks from the other words of the text. */
  | 'CROSS_ATTENTION'
  /** Cosine of the word's embedding and each patch's, both by BLIP's contrastive heads. The word is read by itself. */
  | 'PATCH_COSINE';

/** A place in a picture. */
export type EvidencePoint = {
  __typename?: 'EvidencePoint';
  /** Share of the picture's width from the left, 0 to 1. */
  x: Scalars['Float']['output'];
  /** Share of the picture's height from the top, 0 to 1. */
  y: Scalars['Float']['output'];
};

/** The values of an attribute, or the answers to a question. */
export type Facet = {
  __typename?: 'Facet';
  /** Name of the attribute, or of the question. */
  name: Scalars['String']['output'];
  /** Whether people or a model gave the values. */
  of: FacetSource;
  /** The values, those of most hits first; each member of a list is a value. */
  values: Array<FacetValue>;
};

/** An attribute, or a question, whose values are to be counted. */
export type FacetInput = {
  /** How many values to return, 1 to 100: those of most hits first. */
  first?: Scalars['Int']['input'];
  /** Name of the attribute, or of the question. */
  name: Scalars['String']['input'];
  /** Which of the two it is. */
  of?: FacetSource;
};

/** What a facet counts. */
export type FacetSource =
  /** Values that came with the pictures. */
  | 'ATTRIBUTE'
  /** What a model answered to a question of the corpus, as far as it counts. */
  | 'QUESTION';

/** A value of an attribute, or an answer. */
export type FacetValue = {
  __typename?: 'FacetValue';
  /** How many pictures of the corpus with this value pass the filter, the filter's own selection of this attribute or question left out. */
  count: Scalars['Int']['output'];
  /** An `ImageFilter` that only this value passes, as JSON: send it back inside of `and`. */
  filter: Scalars['JSON']['output'];
  /** How many hits of the whole answer have this value. */
  hits: Scalars['Int']['output'];
  /** A text, number or truth value. */
  value: Scalars['JSON']['output'];
};

/** Why something did not become what it should. */
export type Failure = {
  __typename?: 'Failure';
  /** Stable cause. */
  code: Scalars['String']['output'];
  /** What happened, for people. */
  message: Scalars['String']['output'];
};

/** A caption that the captioner wrote with one decoding. */
export type GeneratedCaption = {
  __typename?: 'GeneratedCaption';
  /**
   * Other texts of the same decoding, as many as were asked for; fewer where it found the same text again. Those of beam search in its order, by
   * log-probability per token. Those of sampling are what the seeds that follow give, likeliest first. They are not stored.
   */
  alternatives: Array<CaptionAlternative>;
  /** The picture that it describes. */
  image: Image;
  /**
   * Natural logarithm of the probability that the model gives the text's tokens, after the penalty for repetition where beams were searched. Null
   * for a stored caption that came without it.
   */
  logProbability?: Maybe<Scalars['Float']['output']>;
  /** SHA-256 over the captioner's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the captioner in the model set. */
  modelName: Scalars['String']['output'];
  /** True when the text was stored already; false when it was written, and stored, for this query. */
  stored: Scalars['Boolean']['output'];
  /** The text. */
  text: Scalars['String']['output'];
};

/** The most probable token at every step. */
export type GreedyInput = {
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: InputMaybe<Scalars['Int']['input']>;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: InputMaybe<Scalars['Int']['input']>;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1 when absent. */
  repetitionPenalty?: InputMaybe<Scalars['Float']['input']>;
};

/** One picture by its content in one corpus. */
export type Image = {
  __typename?: 'Image';
  /** What a model answered to the questions of the corpus, in the order in which these were declared. Made by a machine; never part of `attributes`. */
  answers: Array<ImageAnswer>;
  /** What the manifest said about the picture, as JSON. */
  attributes: Scalars['JSON']['output'];
  /** Every stored caption, oldest first. */
  captions: Array<Caption>;
  /** The corpus that it belongs to. */
  corpus: Corpus;
  /** Where the picture shows a word, as far as the model can tell. A pass of the model. */
  evidence?: Maybe<Evidence>;
  /** Height in pixels as people see it (EXIF orientation applied); null until the picture has been read. */
  height?: Maybe<Scalars['Int']['output']>;
  /** Stable id. */
  id: Scalars['ID']['output'];
  /**
   * Pictures of the corpus that look the same, nearest first: resized, recompressed, slightly cropped or brightened ones. They are marked when they are
   * embedded, and found by searches like all others.
   */
  nearDuplicates: Array<NearDuplicate>;
  /** Where the picture came from, such as paths or addresses, oldest first. */
  origins: Array<Scalars['String']['output']>;
  /** SHA-256 of the file's bytes, lower-case hex. */
  sha256: Scalars['String']['output'];
  /** Path of a small WebP picture on this server; its bytes never change. */
  thumbnailUrl: Scalars['String']['output'];
  /** Path of the original file on this server; its bytes never change. */
  url: Scalars['String']['output'];
  /** Width in pixels as people see it (EXIF orientation applied); null until the picture has been read. */
  width?: Maybe<Scalars['Int']['output']>;
};


/** One picture by its content in one corpus. */
export type ImageEvidenceArgs = {
  text?: InputMaybe<Scalars['String']['input']>;
  word: Scalars['String']['input'];
};


/** One picture by its content in one corpus. */
export type ImageNearDuplicatesArgs = {
  first?: Scalars['Int']['input'];
};

/** What a model answered to a question of the corpus about one of its pictures. */
export type ImageAnswer = {
  __typename?: 'ImageAnswer';
  /** When it was given. */
  answeredAt: Scalars['DateTime']['output'];
  /** Whether filters and facets go by it: it has a value, and at least the minimum probability of the question. */
  counts: Scalars['Boolean']['output'];
  /** Natural logarithm of the probability that the model gives the answer's tokens. */
  logProbability: Scalars['Float']['output'];
  /** Whether the answer was generated or chosen from a list. */
  mode: AnswerMode;
  /** SHA-256 over the answerer's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the question. */
  name: Scalars['String']['output'];
  /**
   * Where answers are ranked, the probability of this one among those of the question; where they are generated, the probability of exactly these words. By
   * the model, not calibrated. Null where the inference server does not tell.
   */
  probability?: Maybe<Scalars['Float']['output']>;
  /** The question in words. */
  question: Scalars['String']['output'];
  /** The answer as the model wrote or chose it. */
  text: Scalars['String']['output'];
  /** What the answer is read as. */
  type: QuestionType;
  /** The same in the type of the question: a text, number or truth value; null where it cannot be read as that, such as "many" for a number. */
  value?: Maybe<Scalars['JSON']['output']>;
};

/** Texts of a corpus that fit one of its pictures. */
export type ImageDescription = {
  __typename?: 'ImageDescription';
  /** The picture. */
  image: Image;
  /** SHA-256 over the retrieval model's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the retrieval model in the model set. */
  modelName: Scalars['String']['output'];
  /** The texts, best first, each once. */
  texts: Array<DescribingText>;
};

/** Which pictures of a corpus are meant. Exactly one member; join several by `and`. At most 64 conditions, 8 levels deep. */
export type ImageFilter =
  /** When the picture came into the corpus. */
  { addedAt: DateRange; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  /** Each of these must hold. */
  { addedAt?: never; and: Array<ImageFilter>; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  /** A condition on an attribute. */
  { addedAt?: never; and?: never; attribute: AttributeFilter; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  /** Format of the file, such as jpeg, png or webp: one of these. */
  { addedAt?: never; and?: never; attribute?: never; format: Array<Scalars['String']['input']>; height?: never; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  /** Height in pixels as people see it. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height: IntRange; not?: never; or?: never; origin?: never; question?: never; width?: never; }
  |  /** This must not hold. A picture without the attribute passes. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not: ImageFilter; or?: never; origin?: never; question?: never; width?: never; }
  |  /** At least one of these must hold. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or: Array<ImageFilter>; origin?: never; question?: never; width?: never; }
  |  /** Where the picture came from: any of its paths or addresses. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin: OriginFilter; question?: never; width?: never; }
  |  /** A condition on what a model answered to a question of the corpus. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question: QuestionFilter; width?: never; }
  |  /** Width in pixels as people see it. */
  { addedAt?: never; and?: never; attribute?: never; format?: never; height?: never; not?: never; or?: never; origin?: never; question?: never; width: IntRange; };

/** How the vector search found the nearest vectors. */
export type IndexMode =
  /** Every vector of the corpus was compared; nothing nearer was missed. */
  | 'EXACT'
  /** The HNSW index answered; a nearer vector may have been missed. */
  | 'HNSW'
  /** A copy in memory answered, brought up to date with the database first: every vector was compared in 8 bits a number, the best of them exactly. */
  | 'HOT_TIER';

/** How good and how large the vector index of a space is, before it was built anew and after. */
export type IndexRebuild = {
  __typename?: 'IndexRebuild';
  /** Whether the space has an index. A small one has none: every vector is compared, and nothing is missed. */
  indexed: Scalars['Boolean']['output'];
  /** Stored vectors of the corpus that were searched for: of texts beside its pictures, or of pictures where it has few texts. */
  queries: Scalars['Int']['output'];
  /** The same after; null before it is built, and in a dry run. */
  recallAfter?: Maybe<Scalars['Float']['output']>;
  /** Share of the truly nearest 10 that the index found before, 0 to 1; 1 where there was none. */
  recallBefore: Scalars['Float']['output'];
  /** Bytes after; null before it is built, and in a dry run. */
  sizeBytesAfter?: Maybe<Scalars['BigInt']['output']>;
  /** Bytes of the index before, of pictures and texts together. */
  sizeBytesBefore: Scalars['BigInt']['output'];
  /** The space whose index it is. */
  space: Space;
  /** Vectors of pictures in the space, of all corpora together. */
  vectorCount: Scalars['Int']['output'];
};

/** From one number to another, both included; at least one of them. */
export type IntRange = {
  /** The least. */
  from?: InputMaybe<Scalars['Int']['input']>;
  /** The greatest. */
  to?: InputMaybe<Scalars['Int']['input']>;
};

/** How often a text finds the picture that it was written for; shares of the queries, 0 to 1. */
export type KnownItemFigures = {
  __typename?: 'KnownItemFigures';
  /** It comes first by `itcCosine`. */
  recallAt1: Scalars['Float']['output'];
  /** It is among the first 10 by `itcCosine`. */
  recallAt10: Scalars['Float']['output'];
  /** It comes first after the space's own model has re-ranked the nearest 32. */
  rerankedAt1: Scalars['Float']['output'];
  /** It is among the first 10 after re-ranking. */
  rerankedAt10: Scalars['Float']['output'];
};

/** How well a label fits a picture. */
export type LabelFit = {
  __typename?: 'LabelFit';
  /** Cosine of the embeddings of picture and text, -1 to 1. */
  itcCosine: Scalars['Float']['output'];
  /** Raw logit of "match". Not a probability. */
  itmLogit: Scalars['Float']['output'];
  /** The label. */
  label: Scalars['String']['output'];
  /** Calibrated probability that picture and text belong together; null until the corpus is calibrated for this model. */
  matchProbability?: Maybe<Scalars['Float']['output']>;
  /** `itmLogit + w * itcCosine`: what labels are ordered by. */
  rerankScore: Scalars['Float']['output'];
  /** What the model read for it. */
  text: Scalars['String']['output'];
};

/** A candidate that could not be re-ranked. */
export type MatchFailure = {
  __typename?: 'MatchFailure';
  /** Stable cause, such as IMAGE_NOT_FOUND or DEADLINE_EXCEEDED. */
  code: Scalars['String']['output'];
  /** The picture. */
  imageId: Scalars['ID']['output'];
  /** What happened, for people. */
  message: Scalars['String']['output'];
};

/** Whether there is an answer. */
export type MatchVerdict =
  /** What was found is only the least unfitting. */
  | 'NONE'
  /** There is one, as far as models or texts can tell. */
  | 'STRONG'
  /** There may be one. */
  | 'WEAK';

/** A model of this installation. */
export type Model = {
  __typename?: 'Model';
  /** Length of its vectors; null where it builds none, and while it is not served. */
  dimensions?: Maybe<Scalars['Int']['output']>;
  /** SHA-256 over its weights and every setting that changes outputs. */
  fingerprint: Scalars['String']['output'];
  /** w in the order `itmLogit + w * itcCosine`. */
  itcWeight: Scalars['Float']['output'];
  /** Name for people, unique among registered models. */
  name: Scalars['String']['output'];
  /** What it does in the model set; empty for one that was registered beside it. */
  roles: Array<ModelRole>;
  /** Whether the inference server serves it now. A registered model that it does not is loaded when a space needs it. */
  served: Scalars['Boolean']['output'];
};

/** What a checkpoint does in the model set. */
export type ModelRole =
  /** Answers questions. */
  | 'ANSWERER'
  /** Writes captions. */
  | 'CAPTIONER'
  /** Judges captions. */
  | 'FILTER'
  /** Embeds pictures and texts, and re-ranks. */
  | 'RETRIEVAL';

/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type Mutation = {
  __typename?: 'Mutation';
  /** A person adds a text to a picture. The same text again is the same caption. */
  addCaption: CaptionPayload;
  /**
   * Ends an operation and takes what is still open in its corpus out of the work. What a worker has in hand is finished; `retryFailed` brings the
   * rest back. Repeating it is harmless.
   */
  cancelOperation: CancelOperationPayload;
  /** Ends an upload whose size was not announced with the bytes that have come. Repeating it is harmless. */
  completeUpload: CompleteUploadPayload;
  /** A person writes a better text in a caption's place. The old one stays in the ledger and counts no longer. */
  correctCaption: CaptionPayload;
  /** Makes a corpus. Repeating it is harmless: the corpus of that name is returned. */
  createCorpus: CorpusPayload;
  /**
   * Announces a picture. Its bytes are then sent by `PUT` to the returned `url`, in one request or in several; see docs/uploads.md. For an ADMIN of the
   * whole installation the corpus is created when there is none of this name.
   */
  createUpload: CreateUploadPayload;
  /**
   * Declares a question that the answerer answers about every picture of the corpus, also about those that come later; the ingest worker begins within
   * seconds. Repeating it is harmless. Of one that is there only the minimum probability can be changed, which asks no model; one that was retired comes back
   * with its answers.
   */
  declareQuestion: QuestionPayload;
  /**
   * Deletes a corpus with its pictures, captions, vectors and answers, and the bytes that no other corpus has. It is gone at once, and its name is free
   * again; the ingest worker then removes its rows and files, which the operation tells of. It cannot be taken back.
   */
  deleteCorpus: DeleteCorpusPayload;
  /**
   * Removes a picture from its corpus with its captions, vectors and steps, and its bytes when no other corpus has the same ones. It cannot be
   * taken back; sending the picture again makes a new image.
   */
  deleteImage: DeleteImagePayload;
  /**
   * From now on nobody begins a step of a corpus; what a worker has in hand it finishes, and an import that reads waits. It holds for every process
   * and after a restart. Repeating it is harmless.
   */
  pauseCorpus: CorpusPayload;
  /** Has the inference server serve one more model that embeds and matches. Repeating it is harmless. */
  registerModel: RegisterModelPayload;
  /**
   * Moves a corpus into the space of another model, as an operation: the space is filled beside the one that answers (new pictures go into both), compared
   * with it, and answers from one moment to the next when nothing speaks against it. With another `purpose` it renews what the corpus holds: its vector index,
   * missing products, captions or their verdicts. No search fails meanwhile. See docs/reindex.md.
   */
  reindex: ReindexPayload;
  /**
   * Lets the answerer that is served now answer again what another model answered. Nothing else does: a changed model set leaves answers as they are. Each
   * old answer counts until the new one replaces it.
   */
  renewAnswers: QuestionPayload;
  /** Ends a pause. The ingest worker goes on within seconds. Repeating it is harmless. */
  resumeCorpus: CorpusPayload;
  /** Takes a question away: searches cannot name it, and nobody answers it. What is answered stays stored, for when the same question is declared again. */
  retireQuestion: QuestionPayload;
  /** Deletes what a space that does not answer holds of a corpus: nothing goes into it any more. */
  retireSpace: RetireSpacePayload;
  /**
   * Gives steps that failed or were cancelled a fresh set of attempts, and those that waited for them. The next look of the ingest worker, some
   * seconds later, goes on with them.
   */
  retryFailed: RetryFailedPayload;
  /** Takes a run of the captioner back: its captions stay in the ledger and count for nothing. Repeating it is harmless. */
  revertCaptionRun: RevertCaptionRunPayload;
  /** A person keeps or rejects a caption. The latest decision stands above every policy. */
  reviewCaption: CaptionPayload;
  /** Lets the space that answered before answer again, at once. Refused as INCOMPLETE where it lacks pictures, unless it is forced. */
  rollbackSpace: CorpusPayload;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationAddCaptionArgs = {
  author: Scalars['String']['input'];
  imageId: Scalars['ID']['input'];
  text: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationCancelOperationArgs = {
  operationId: Scalars['ID']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationCompleteUploadArgs = {
  uploadId: Scalars['ID']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationCorrectCaptionArgs = {
  author: Scalars['String']['input'];
  captionId: Scalars['ID']['input'];
  text: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationCreateCorpusArgs = {
  name: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationCreateUploadArgs = {
  input: CreateUploadInput;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationDeclareQuestionArgs = {
  input: DeclareQuestionInput;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationDeleteCorpusArgs = {
  corpus: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationDeleteImageArgs = {
  imageId: Scalars['ID']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationPauseCorpusArgs = {
  corpus: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRegisterModelArgs = {
  input: RegisterModelInput;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationReindexArgs = {
  input: ReindexInput;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRenewAnswersArgs = {
  corpus: Scalars['String']['input'];
  name: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationResumeCorpusArgs = {
  corpus: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRetireQuestionArgs = {
  corpus: Scalars['String']['input'];
  name: Scalars['String']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRetireSpaceArgs = {
  corpus: Scalars['String']['input'];
  spaceId: Scalars['ID']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRetryFailedArgs = {
  code?: InputMaybe<Scalars['String']['input']>;
  corpus: Scalars['String']['input'];
  kind?: InputMaybe<ErrorKind>;
  step?: InputMaybe<Scalars['String']['input']>;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRevertCaptionRunArgs = {
  runId: Scalars['ID']['input'];
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationReviewCaptionArgs = {
  captionId: Scalars['ID']['input'];
  note?: InputMaybe<Scalars['String']['input']>;
  reviewer: Scalars['String']['input'];
  verdict: ReviewVerdict;
};


/** Everything that changes something. What the caller can mend is in `userErrors`, and then nothing was changed; errors are for faults. */
export type MutationRollbackSpaceArgs = {
  corpus: Scalars['String']['input'];
  force?: Scalars['Boolean']['input'];
};

/** A picture that looks like another one. */
export type NearDuplicate = {
  __typename?: 'NearDuplicate';
  /** How many bits of the two perceptual hashes differ, 0 to 64; marked are pairs with few. */
  hashDistance: Scalars['Int']['output'];
  /** The picture. */
  image: Image;
  /** Cosine of the embeddings of the two pictures, -1 to 1. */
  itcCosine: Scalars['Float']['output'];
};

/** Drawn at random from the most probable tokens. */
export type NucleusInput = {
  /** Most tokens, the prompt's included, 1 to 200; the model's own when absent. */
  maxLength?: InputMaybe<Scalars['Int']['input']>;
  /** Fewest tokens, the prompt's included, 0 to 200; the model's own when absent. */
  minLength?: InputMaybe<Scalars['Int']['input']>;
  /** Above 1 makes tokens that were used before less probable, 0.1 to 10; 1.1 when absent. */
  repetitionPenalty?: InputMaybe<Scalars['Float']['input']>;
  /** The same seed gives the same text. */
  seed: Scalars['Int']['input'];
  /** Draws from at most this many tokens; 50 when absent, no limit for 0. */
  topK?: InputMaybe<Scalars['Int']['input']>;
  /** Draws from the fewest tokens whose probabilities add up to this, above 0 to 1. */
  topP?: Scalars['Float']['input'];
};

/** A long piece of work. */
export type Operation = {
  __typename?: 'Operation';
  /** Of RECAPTION, the run that it began, for `revertCaptionRun`; null before that, where nothing was written, and for other kinds. */
  captionRunId?: Maybe<Scalars['ID']['output']>;
  /** Of a reindex, how both spaces compare; null before that is known, and for other kinds. */
  comparison?: Maybe<SpaceComparison>;
  /** The corpus that it works on; null where it works on none. */
  corpus?: Maybe<Corpus>;
  /** Progress by outcome, in words that belong to the kind, such as added, known, rejected, embedDone and embedFailed. */
  counts: Array<OperationCount>;
  /** Per step of the pipeline, how many pictures of the corpus are through; empty where it works on no corpus. */
  coverage: Array<StepCoverage>;
  /** When it was created. */
  createdAt: Scalars['DateTime']['output'];
  /** Whether it only counts what there would be to do, and changes nothing. */
  dryRun: Scalars['Boolean']['output'];
  /** Why it failed; null otherwise. */
  error?: Maybe<Failure>;
  /** What went wrong in the corpus, the most frequent first; empty where it works on none. */
  errorClasses: Array<ErrorClass>;
  /** Seconds that are left at this rate; null where that is not known, such as while pictures are still being found. */
  etaSeconds?: Maybe<Scalars['Float']['output']>;
  /** When it ended; null before. */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** Of REBUILD_INDEX, what was measured; null before that is known, where the corpus has no space, and for other kinds. */
  indexRebuild?: Maybe<IndexRebuild>;
  /** What is done; INGEST brings pictures in and does the steps of their corpus, REINDEX moves a corpus into another space, ANSWER answers its questions; the others are named as in `ReindexPurpose`. */
  kind: Scalars['String']['output'];
  /** Steps that ended in one second, on average since it began; null where that is not known, and when it is finished. */
  ratePerSecond?: Maybe<Scalars['Float']['output']>;
  /** How it stands. */
  state: OperationState;
  /** When it changed last; a worker reports every second. */
  updatedAt: Scalars['DateTime']['output'];
};

/** One number of an operation's progress. */
export type OperationCount = {
  __typename?: 'OperationCount';
  /** What is counted. */
  name: Scalars['String']['output'];
  /** How many. */
  value: Scalars['BigInt']['output'];
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
  contains?: InputMaybe<Scalars['String']['input']>;
  /** How it begins. */
  startsWith?: InputMaybe<Scalars['String']['input']>;
};

/** How a page differs from the one before; everything has entered the first one. */
export type PageChange = {
  __typename?: 'PageChange';
  /** Hits that were not on the page before. */
  entered: Scalars['Int']['output'];
  /** Whether the same hits stand in the same places. */
  isStable: Scalars['Boolean']['output'];
  /** Hits that are not on the page any more. */
  left: Scalars['Int']['output'];
  /** Hits that were on the page before, in another place. */
  moved: Scalars['Int']['output'];
};

/** Where a page ends. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** Cursor of the page's last hit, for `after`; null on an empty page, and until an answer is final. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether the answer has hits behind this page. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether the answer has hits before this page. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** Cursor of the page's first hit; null on an empty page, and until an answer is final. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

/** Everything that can be read. */
export type Query = {
  __typename?: 'Query';
  /** What the answerer says to a question about a picture. Nothing is stored. */
  ask: Answer;
  /**
   * What the captioner says about a picture: the stored caption when this model decoded this picture so before, otherwise a new
   * one, which is then stored.
   */
  caption: GeneratedCaption;
  /** How well each label fits a picture. Each is judged by itself, so that none of them may fit; nothing is trained or stored. */
  classify: Classification;
  /** All corpora, by name. */
  corpora: Array<Corpus>;
  /** The corpus with this name; null when there is none. */
  corpus?: Maybe<Corpus>;
  /** Which texts of its corpus fit a picture best: the 64 nearest to it, ordered by the matching head. Its own texts need not be among them. */
  describe: ImageDescription;
  /** Why a caption was kept or rejected, with every number; null when there is no caption with this id. */
  explainCaption?: Maybe<CaptionExplanation>;
  /** The picture with this id; null when there is none. */
  image?: Maybe<Image>;
  /** The models of this installation: those of the model set by role, and those that were registered beside them. */
  models: Array<Model>;
  /** The operation with this id; null when there is none. */
  operation?: Maybe<Operation>;
  /** Operations, newest first. */
  operations: Array<Operation>;
  /**
   * Pictures of a corpus, or of several, that fit, best first: the nearest pictures by `itcCosine`, re-ranked by `itmLogit + w * itcCosine`, and mixed with
   * pictures whose own texts are near the query or hold its words. The whole list is kept for 15 minutes, so that pages neither overlap nor drift
   * while pictures come and go.
   */
  search: SearchConnection;
  /** The upload with this id; null when there is none. */
  upload?: Maybe<Upload>;
};


/** Everything that can be read. */
export type QueryAskArgs = {
  imageId: Scalars['ID']['input'];
  mode?: InputMaybe<AnswerModeInput>;
  question: Scalars['String']['input'];
};


/** Everything that can be read. */
export type QueryCaptionArgs = {
  alternatives?: Scalars['Int']['input'];
  decoding?: InputMaybe<DecodingInput>;
  imageId: Scalars['ID']['input'];
};


/** Everything that can be read. */
export type QueryClassifyArgs = {
  imageId: Scalars['ID']['input'];
  labels: Array<Scalars['String']['input']>;
  template?: Scalars['String']['input'];
};


/** Everything that can be read. */
export type QueryCorpusArgs = {
  name: Scalars['String']['input'];
};


/** Everything that can be read. */
export type QueryDescribeArgs = {
  first?: Scalars['Int']['input'];
  imageId: Scalars['ID']['input'];
};


/** Everything that can be read. */
export type QueryExplainCaptionArgs = {
  captionId: Scalars['ID']['input'];
};


/** Everything that can be read. */
export type QueryImageArgs = {
  id: Scalars['ID']['input'];
};


/** Everything that can be read. */
export type QueryOperationArgs = {
  id: Scalars['ID']['input'];
};


/** Everything that can be read. */
export type QueryOperationsArgs = {
  corpus?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};


/** Everything that can be read. */
export type QuerySearchArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
  input: SearchInput;
};


/** Everything that can be read. */
export type QueryUploadArgs = {
  id: Scalars['ID']['input'];
};

/** A question that a model answers about every picture of a corpus, also about those that come later: a column made by a machine. */
export type Question = {
  __typename?: 'Question';
  /** The answers that are chosen from; null where answers are generated. */
  answers?: Maybe<Array<Scalars['String']['output']>>;
  /** How far it is: `answered + failed + excluded + pending = images`, always. */
  coverage: QuestionCoverage;
  /** When it was declared first. */
  declaredAt: Scalars['DateTime']['output'];
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** Answers below it stay stored and do not count; null: all count. */
  minimumProbability?: Maybe<Scalars['Float']['output']>;
  /** The models whose answers are stored, most answers first. */
  models: Array<AnsweringModel>;
  /** Name of the column, as filters and facets use it. */
  name: Scalars['String']['output'];
  /** The question in words. */
  question: Scalars['String']['output'];
  /** Since when answers of other models wait to be given again; null when nobody asked for that. */
  renewRequestedAt?: Maybe<Scalars['DateTime']['output']>;
  /** What answers are read as. */
  type: QuestionType;
};

/** How far a question is: `answered + failed + excluded + pending = images`, always. */
export type QuestionCoverage = {
  __typename?: 'QuestionCoverage';
  /** Pictures with an answer. */
  answered: Scalars['Int']['output'];
  /** Pictures whose answer counts in filters and facets. */
  counting: Scalars['Int']['output'];
  /** Pictures that are left out: they could not be read, or somebody cancelled. */
  excluded: Scalars['Int']['output'];
  /** Pictures that could not be answered about; `Operation.errorClasses` has the reasons. */
  failed: Scalars['Int']['output'];
  /** Pictures of the corpus. */
  images: Scalars['Int']['output'];
  /** Pictures that are still to be answered about, or to be answered about again. */
  pending: Scalars['Int']['output'];
};

/**
 * A condition on what a model answered; all given members must hold. Only answers that count are looked at: those that have a value, and at least the minimum
 * probability of their question.
 */
export type QuestionFilter = {
  /** Whether the picture has an answer that counts. */
  exists?: InputMaybe<Scalars['Boolean']['input']>;
  /** The answer is at least this number or text; for questions of type NUMBER or TEXT. */
  from?: InputMaybe<Scalars['JSON']['input']>;
  /** The answer is one of these texts, numbers or truth values; 1 to 200 of them. */
  in?: InputMaybe<Array<Scalars['JSON']['input']>>;
  /** Least probability of the answer, 0 to 1, as in `ImageAnswer.probability`. */
  minimumProbability?: InputMaybe<Scalars['Float']['input']>;
  /** Name of the question. One that the corpus does not have is an error. */
  name: Scalars['String']['input'];
  /** The answer is at most this number or text; for questions of type NUMBER or TEXT. */
  to?: InputMaybe<Scalars['JSON']['input']>;
};

/** What changes of questions answer. */
export type QuestionPayload = {
  __typename?: 'QuestionPayload';
  /** The question; null when there are errors. */
  question?: Maybe<Question>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** Of which type the answers to a question are. */
export type QuestionType =
  /** Yes or no, chosen from these two. */
  | 'BOOLEAN'
  /** One of a closed list of answers, chosen from it. */
  | 'CATEGORY'
  /** A number, read from the words that the model writes. */
  | 'NUMBER'
  /** Words that the model writes. */
  | 'TEXT';

/** Chooses the most probable of the given answers. */
export type RankInput = {
  /** The answers to choose from, 1 to 5,000. */
  answers: Array<Scalars['String']['input']>;
  /** How many answers are scored in full after a first look at their first token; the model's own (128) when absent. */
  candidates?: InputMaybe<Scalars['Int']['input']>;
};

/** Which model is to be served. */
export type RegisterModelInput = {
  /** Folder or file of the checkpoint, from the folder `models` of the installation on, such as Salesforce--blip-itm-base-coco. */
  checkpoint: Scalars['String']['input'];
  /** w in the order `itmLogit + w * itcCosine`; 1 is BLIP's rule. */
  itcWeight?: Scalars['Float']['input'];
  /** Name for people, 1 to 200 characters; unique. */
  name: Scalars['String']['input'];
};

/** What `registerModel` answers. */
export type RegisterModelPayload = {
  __typename?: 'RegisterModelPayload';
  /** The model; null when there are errors. */
  model?: Maybe<Model>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** Which corpus is meant, and what for. A member that does not belong to the purpose is refused. */
export type ReindexInput = {
  /** With REFILTER: score all captions again, not only those that the filter has not scored. */
  all?: Scalars['Boolean']['input'];
  /** Name or id of the corpus. */
  corpus: Scalars['String']['input'];
  /** Not with MODEL: only count what there would be to do, into `Operation.counts`, or measure the index as it is; nothing is changed. */
  dryRun?: Scalars['Boolean']['input'];
  /** With RECAPTION or REFILTER: only the pictures that pass; all when absent. */
  filter?: InputMaybe<ImageFilter>;
  /** With MODEL: change the space whatever the comparison says. */
  force?: Scalars['Boolean']['input'];
  /** With MODEL, which needs it: name or fingerprint of a model that is served or registered and embeds. */
  model?: InputMaybe<Scalars['String']['input']>;
  /** What it is for. One operation of each purpose may be open in a corpus; another one is refused as CONFLICT. */
  purpose?: ReindexPurpose;
  /** With REBUILD_INDEX: the space whose index is meant; the one that answers when absent. */
  spaceId?: InputMaybe<Scalars['ID']['input']>;
};

/** What `reindex` answers. */
export type ReindexPayload = {
  __typename?: 'ReindexPayload';
  /** The operation that does it; null when there are errors. */
  operation?: Maybe<Operation>;
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** What a reindex is for. The kind of its operation has the same name, but REINDEX for MODEL. */
export type ReindexPurpose =
  /** Move the corpus into another model's space. */
  | 'MODEL'
  /** Build the vector index of a space anew, and measure what it finds before and after (`Operation.indexRebuild`). */
  | 'REBUILD_INDEX'
  /**
   * Have the captioner write about every picture anew, with the settings of the run before. What captioners wrote before is SUPERSEDED as soon as there is something
   * new about a picture; texts of people, and what a person has reviewed, stay as they are. Counts: `imagesToCaption`. `revertCaptionRun` takes it back.
   */
  | 'RECAPTION'
  /**
   * Find steps that were never planned, and those that are done while their vectors, thumbnail or image tokens are gone, and do them. Counts: `prepareMissing`,
   * `embedMissing`, `caption-embedMissing`, `captionMissing`, `filterMissing`, and `tokensMissing`, which are among `embedMissing`.
   */
  | 'REFILL'
  /**
   * Have the filter that is served score the captions that it has not scored, and decide them under the policy of the corpus. Counts: `imagesToFilter`,
   * `captionsToFilter`.
   */
  | 'REFILTER';

/** How deep the matching head judges. */
export type RerankInput = {
  /**
   * Milliseconds for the whole search. The most promising candidates are judged first; what is not judged by then stands below, and the report says
   * so. The server's own limit when absent or larger.
   */
  budgetMs?: InputMaybe<Scalars['Int']['input']>;
  /**
   * How many of the nearest pictures the matching head judges, 0 to 1,000. More finds better answers and takes longer; 0 keeps
   * the order of `itcCosine`.
   */
  candidates?: Scalars['Int']['input'];
};

/** What `retireSpace` answers. */
export type RetireSpacePayload = {
  __typename?: 'RetireSpacePayload';
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
  /** How many vectors were deleted. */
  vectorsRemoved: Scalars['Int']['output'];
};

/** What `retryFailed` answers. */
export type RetryFailedPayload = {
  __typename?: 'RetryFailedPayload';
  /** How many steps are open that were not. */
  steps: Scalars['Int']['output'];
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** What `revertCaptionRun` answers. */
export type RevertCaptionRunPayload = {
  __typename?: 'RevertCaptionRunPayload';
  /** How many captions count no longer. */
  captions: Scalars['Int']['output'];
  /** What was wrong; empty when all went well. */
  userErrors: Array<UserError>;
};

/** What a person decides about a caption. */
export type ReviewVerdict =
  /** It says what the picture shows. */
  | 'KEPT'
  /** It does not, or should not count. */
  | 'REJECTED';

/** One thing to look for. Exactly one member. */
export type SearchClause =
  /** Pictures that look like this stored one, which is itself no hit. */
  { imageId: Scalars['ID']['input']; picture?: never; text?: never; url?: never; }
  |  /** Pictures that look like this one: a JPEG, PNG, WebP, AVIF, TIFF or GIF file as base64, at most 700,000 bytes before encoding. It is not stored. */
  { imageId?: never; picture: Scalars['String']['input']; text?: never; url?: never; }
  |  /** What the picture should show, in words; at most 2,000 characters. Costs a pass of the matching head over all candidates. */
  { imageId?: never; picture?: never; text: Scalars['String']['input']; url?: never; }
  |  /**
   * Pictures that look like the one at this address (http or https, a file as above), which the server fetches for the first page of an answer and does not store.
   * Only from public addresses, unless the server's settings allow others.
   */
  { imageId?: never; picture?: never; text?: never; url: Scalars['String']['input']; };

/** Hits of a search, best first, with the report of how they were found. */
export type SearchConnection = {
  __typename?: 'SearchConnection';
  /** The hits of this page in their final order. */
  edges: Array<SearchEdge>;
  /** Values of the attributes that were asked for, in that order. */
  facets: Array<Facet>;
  /** Where this page ends. */
  pageInfo: PageInfo;
  /** How this answer came about, and in what it is less than what was asked for. */
  report: SearchReport;
  /** How many hits the whole answer has. */
  total: Count;
  /**
   * Whether the corpus holds an answer at all. Null for several clauses or a picture, and where neither a calibration nor the pictures' own texts tell.
   * Calibrations are made on the corpus's own texts: `docs/calibration.md` says how often they are right.
   */
  verdict?: Maybe<SearchVerdict>;
};

/** One hit: a picture with the scores of both stages. Scores that belong to one clause are those of the first one; `clauses` has all. */
export type SearchEdge = {
  __typename?: 'SearchEdge';
  /** Scores of every clause: those of `all`, then `any`, then `none`, in the order of the input. */
  clauses: Array<ClauseScores>;
  /** For `after`: the page that begins behind this hit. */
  cursor: Scalars['String']['output'];
  /**
   * Where the picture shows a word of the query, as far as the model can tell. Each is a pass of the model: ask for the hits that are looked at. A page of hits
   * is asked for at once.
   */
  evidence?: Maybe<Evidence>;
  /**
   * What judged hits are ordered by, 0 to 1. For one text: `(1 - textWeight) * r + textWeight * textScore`, where r is `rerankScore` scaled to 0 to 1 over the
   * re-ranked pictures of this answer. For several clauses: each `fit` joined as a probability. Says nothing outside of this answer; null where the
   * picture was not judged.
   */
  fusedScore?: Maybe<Scalars['Float']['output']>;
  /**
   * Cosine of the picture's and the clause's embeddings (BLIP's contrastive heads), -1 to 1; higher is nearer. Null while the models are away, for what only
   * stored texts found.
   */
  itcCosine?: Maybe<Scalars['Float']['output']>;
  /**
   * Raw logit of "match" from BLIP's matching head, which reads picture and text together; higher is better. Not a probability.
   * Null where the picture was not re-ranked: it lay beyond `candidates`, or the report names why; and for a clause that is a picture.
   */
  itmLogit?: Maybe<Scalars['Float']['output']>;
  /**
   * Calibrated probability that the picture fits the whole query, `all` and `any` and `none` joined as probabilities are. Null until the corpus has a
   * calibration, where the picture was not re-ranked, and where a clause is a picture.
   */
  matchProbability?: Maybe<Scalars['Float']['output']>;
  /** The picture. */
  node: Image;
  /** Place in this answer, from 1. */
  rank: Scalars['Int']['output'];
  /** Place in the order of the vector search, from 1; null where only the picture's own texts found it. */
  rankBeforeRerank?: Maybe<Scalars['Int']['output']>;
  /** `itmLogit + w * itcCosine`; null where the picture was not re-ranked. */
  rerankScore?: Maybe<Scalars['Float']['output']>;
  /**
   * Cosine of the clause and the nearest of the picture's own texts, -1 to 1. Null where the texts of 128 other pictures were nearer, where
   * it has none, and when `textWeight` or `candidates` is 0.
   */
  textCosine?: Maybe<Scalars['Float']['output']>;
  /**
   * What its own texts say for the picture, 0 to 1: the greater of `textShare` and `textCosine`, the latter scaled so that the nearest
   * text of the corpus is 1 and the 32nd nearest is 0.
   */
  textScore: Scalars['Float']['output'];
  /**
   * Share of the clause's words that the picture's own texts hold, 0 to 1; a word weighs more the fewer pictures of the corpus have it.
   * Always 0 when `textWeight` or `candidates` is 0.
   */
  textShare: Scalars['Float']['output'];
};


/** One hit: a picture with the scores of both stages. Scores that belong to one clause are those of the first one; `clauses` has all. */
export type SearchEdgeEvidenceArgs = {
  word: Scalars['String']['input'];
};

/** What to look for, and where. `all` and `any` together have at least one clause, all three at most 8. */
export type SearchInput = {
  /** Each of these should fit. */
  all?: InputMaybe<Array<SearchClause>>;
  /** At least one of these should fit. */
  any?: InputMaybe<Array<SearchClause>>;
  /**
   * Names of 1 to 16 corpora that are searched as if they were one. Scores of two models cannot be compared: the answer is of the corpora whose active space is
   * the one that most of them have, and `report.degraded` names the others (OTHER_MODEL, NO_ACTIVE_SPACE). A match probability needs every corpus of the
   * answer calibrated, and a filter has to fit each.
   */
  corpora?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Name of the corpus to search. Either this or `corpora`. */
  corpus?: InputMaybe<Scalars['String']['input']>;
  /** Attributes whose values are to be counted, at most 8. */
  facets?: InputMaybe<Array<FacetInput>>;
  /** Only pictures that pass. However few pass, none of them is lost to the filter. */
  filter?: InputMaybe<ImageFilter>;
  /** Only hits with at least this match probability, 0 to 1. Needs a calibrated corpus and clauses that are texts; the report says when it could not be applied. */
  minMatch?: InputMaybe<Scalars['Float']['input']>;
  /** None of these should fit. Each is judged by itself: "dog" in `all` and "beach" in `none`, because models do not understand "without". */
  none?: InputMaybe<Array<SearchClause>>;
  /** How deep the matching head judges. */
  rerank?: RerankInput;
  /**
   * Share of the pictures' own texts in the order, 0 to 1: captions of people, of the web and of data sets, and the names of file and
   * folder. 0 orders by what the models see alone.
   */
  textWeight?: Scalars['Float']['input'];
};

/** An answer on its way. */
export type SearchRefinement = {
  __typename?: 'SearchRefinement';
  /** How many are to be judged: those that `input.rerank` asks for, as far as the corpus has them, and those that their own texts found. */
  candidates: Scalars['Int']['output'];
  /** What is different on the page since the event before that this subscription was sent. */
  change: PageChange;
  /** Whether this is the answer, and the last event. */
  isFinal: Scalars['Boolean']['output'];
  /** How many of the candidates have been judged by every text of the query. */
  judged: Scalars['Int']['output'];
  /**
   * The page as far as it is known. Until it is final its `verdict` is null, its `facets` are empty, its `total` is AT_LEAST, and its cursors lead nowhere:
   * `endCursor` is null. Hits that are not judged yet stand below those that are; with `minMatch` they are left out.
   */
  page: SearchConnection;
};

/** How a search came about. */
export type SearchReport = {
  __typename?: 'SearchReport';
  /** What was there already and did not have to be computed. */
  cacheHits: CacheHits;
  /** How many pictures went through the stages. */
  candidates: CandidateCounts;
  /** In what the answer is less than what was asked for; empty when nothing was cut. */
  degraded: Array<Degradation>;
  /**
   * Share of the truly nearest pictures (as many as the vector search returned) that the vector search is expected to have found, 0 to 1. 1 where every vector was
   * compared exactly (EXACT). Otherwise the mean over up to 64 searches of this corpus, space and index mode, filters included, that this gateway has repeated
   * exactly in the background. Null until it has repeated one, where that takes longer than two seconds, and where no vector search took place.
   */
  estimatedRecall?: Maybe<Scalars['Float']['output']>;
  /** How the vector search found the nearest vectors. */
  indexMode: IndexMode;
  /** w in the order `itmLogit + w * itcCosine`; belongs to the model set, 1 is BLIP's rule. */
  itcWeight: Scalars['Float']['output'];
  /** Candidates that could not be re-ranked, each with its reason; they stand below the re-ranked ones. */
  matchFailures: Array<MatchFailure>;
  /** Milliseconds of the whole search. */
  milliseconds: Scalars['Float']['output'];
  /** SHA-256 over the retrieval model's weights and every setting that changes its outputs. */
  modelFingerprint: Scalars['String']['output'];
  /** Name of the retrieval model in the model set. */
  modelName: Scalars['String']['output'];
  /** The embedding space that answered. */
  spaceId: Scalars['ID']['output'];
  /** The stages in the order in which they ran. */
  stages: Array<StageTiming>;
  /** Share of the pictures' own texts in the order, as it was asked for. */
  textWeight: Scalars['Float']['output'];
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

/** Whether a corpus holds an answer to a query. */
export type SearchVerdict = {
  __typename?: 'SearchVerdict';
  /** Probability that the corpus holds an answer, by what the models say alone; null without a calibration. */
  answerProbability?: Maybe<Scalars['Float']['output']>;
  /** What decided: the stronger of both counts. */
  decidedBy: VerdictSource;
  /** What was decided. */
  verdict: MatchVerdict;
};

/** An embedding space: one model's vectors of a corpus. */
export type Space = {
  __typename?: 'Space';
  /** Length of its vectors. */
  dimensions: Scalars['Int']['output'];
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** SHA-256 over the model that built it and every setting that changes its vectors. */
  modelFingerprint: Scalars['String']['output'];
  /** Name for people. */
  name: Scalars['String']['output'];
};

/** How the space that is to answer compares with the one that answers. */
export type SpaceComparison = {
  __typename?: 'SpaceComparison';
  /** What the new space finds. */
  after: KnownItemFigures;
  /** What the space that answers finds. */
  before: KnownItemFigures;
  /** Share of the truly nearest 10 that a search in the new space finds, 0 to 1. */
  indexRecall: Scalars['Float']['output'];
  /** Model that judged the first 10 of both, the same for both. */
  judgeName: Scalars['String']['output'];
  /** Queries whose first 10 fit better in the new space, by mean `itmLogit` of that model. */
  judgedBetter: Scalars['Int']['output'];
  /** Queries whose first 10 fit worse. */
  judgedWorse: Scalars['Int']['output'];
  /** Of them, those without one in the new space. */
  missing: Scalars['Int']['output'];
  /** What speaks against the new space; empty when it may answer. */
  objections: Array<Failure>;
  /** Pictures that have a vector in the space that answers. */
  pictures: Scalars['Int']['output'];
  /** Texts of people and of the web that both spaces were asked for; each was written for one picture. */
  queries: Scalars['Int']['output'];
};

/** How a space stands in a corpus. */
export type SpaceState =
  /** It answers searches. */
  | 'ACTIVE'
  /** It is being filled and has never answered. */
  | 'BUILDING'
  /** Its vectors were deleted. */
  | 'RETIRED'
  /** It answered before and goes on being filled, so that `rollbackSpace` lets it answer again at once. */
  | 'STANDBY';

/** How long a stage of a search took. */
export type StageTiming = {
  __typename?: 'StageTiming';
  /** Milliseconds on the wall clock. */
  milliseconds: Scalars['Float']['output'];
  /** The stage. */
  stage: SearchStage;
};

/** How far a step of the pipeline is: `done + failed + excluded + waiting = total`, and `total + unplanned` is the number of pictures, always. */
export type StepCoverage = {
  __typename?: 'StepCoverage';
  /** Pictures that are through. */
  done: Scalars['Int']['output'];
  /** Pictures that are left out of this step: a step before it failed, or somebody cancelled it. */
  excluded: Scalars['Int']['output'];
  /** Pictures that could not be processed; each has its reason in the ingest report. */
  failed: Scalars['Int']['output'];
  /** Name of the step: prepare, embed, caption-embed, caption, filter. */
  step: Scalars['String']['output'];
  /** Pictures that this step was planned for. */
  total: Scalars['Int']['output'];
  /** Pictures that this step was not planned for, such as captions where none are wanted. */
  unplanned: Scalars['Int']['output'];
  /** Pictures that are still to do or being done. */
  waiting: Scalars['Int']['output'];
};

/**
 * What happens, as it happens; over a WebSocket at the same path by the protocol graphql-transport-ws. Each begins with how things are now, may leave
 * out states that lasted less than half a second, and ends when nothing can change any more. Asking the same node again and again tells the same.
 */
export type Subscription = {
  __typename?: 'Subscription';
  /** An operation now and at every change, until it is finished. */
  operationUpdated: Operation;
  /**
   * A search as its candidates are judged: first the order that is known before re-ranking, then a better one for every 32 candidates or so, and at last the
   * answer that `search` gives to the same input, whose cursors lead to its later pages. One event alone, the final one, where there is nothing to
   * judge: `candidates` 0, no text among the clauses, the models away, or an answer that is kept already (`after`). A reader who is slow gets the newest event
   * and none in between. The search is given up when the subscription ends.
   */
  searchRefined: SearchRefinement;
  /** An upload now and at every change, until it is INGESTED or REJECTED. */
  uploadUpdated: Upload;
};


/**
 * What happens, as it happens; over a WebSocket at the same path by the protocol graphql-transport-ws. Each begins with how things are now, may leave
 * out states that lasted less than half a second, and ends when nothing can change any more. Asking the same node again and again tells the same.
 */
export type SubscriptionOperationUpdatedArgs = {
  id: Scalars['ID']['input'];
};


/**
 * What happens, as it happens; over a WebSocket at the same path by the protocol graphql-transport-ws. Each begins with how things are now, may leave
 * out states that lasted less than half a second, and ends when nothing can change any more. Asking the same node again and again tells the same.
 */
export type SubscriptionSearchRefinedArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
  input: SearchInput;
};


/**
 * What happens, as it happens; over a WebSocket at the same path by the protocol graphql-transport-ws. Each begins with how things are now, may leave
 * out states that lasted less than half a second, and ends when nothing can change any more. Asking the same node again and again tells the same.
 */
export type SubscriptionUploadUpdatedArgs = {
  id: Scalars['ID']['input'];
};

/** A picture on its way into a corpus. */
export type Upload = {
  __typename?: 'Upload';
  /** The corpus that gains the picture. */
  corpus: Corpus;
  /** When it was announced. */
  createdAt: Scalars['DateTime']['output'];
  /** Why it was rejected; null otherwise. */
  error?: Maybe<Failure>;
  /** When `url` stops to work, and the upload is rejected unless every byte has come. */
  expiresAt: Scalars['DateTime']['output'];
  /** Stable id. */
  id: Scalars['ID']['output'];
  /** The picture that came of it; null until it is INGESTED, and when that picture was deleted. */
  image?: Maybe<Image>;
  /** Name of the file, as it was announced. */
  name?: Maybe<Scalars['String']['output']>;
  /** How many bytes are safe on disk; an interrupted upload goes on behind them. */
  receivedBytes: Scalars['BigInt']['output'];
  /** SHA-256 of the bytes, lower-case hex; null before all have come. */
  sha256?: Maybe<Scalars['String']['output']>;
  /** How many bytes were announced; null where none were. */
  sizeBytes?: Maybe<Scalars['BigInt']['output']>;
  /** Where it is on its way. */
  state: UploadState;
  /** When its state or its bytes changed last. */
  updatedAt: Scalars['DateTime']['output'];
  /**
   * Path on this server that takes the bytes by `PUT`. Whoever knows it may send them until `expiresAt`, and do nothing else. Null once every byte
   * has come.
   */
  url?: Maybe<Scalars['String']['output']>;
};

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

/** Something that the caller can mend. */
export type UserError = {
  __typename?: 'UserError';
  /** What kind of mistake it is. */
  code: UserErrorCode;
  /** What is wrong, with the value, and what was expected. */
  message: Scalars['String']['output'];
  /** Names of the argument and of the fields in it that are wrong; empty where no single one is. */
  path: Array<Scalars['String']['output']>;
};

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



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;





/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  Answer: ResolverTypeWrapper<AskResult>;
  AnswerMode: AnswerMode;
  AnswerModeInput: AnswerModeInput;
  AnsweringModel: ResolverTypeWrapper<AnsweringModel>;
  AttributeDeclaration: ResolverTypeWrapper<AttributeRow>;
  AttributeFilter: AttributeFilter;
  AttributeType: AttributeType;
  BeamInput: BeamInput;
  BigInt: ResolverTypeWrapper<Scalars['BigInt']['output']>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  CacheHits: ResolverTypeWrapper<CacheHits>;
  CancelOperationPayload: ResolverTypeWrapper<Omit<CancelOperationPayload, 'operation'> & { operation?: Maybe<ResolversTypes['Operation']> }>;
  CandidateCounts: ResolverTypeWrapper<CandidateCounts>;
  Caption: ResolverTypeWrapper<CaptionRow>;
  CaptionAlternative: ResolverTypeWrapper<CaptionAlternative>;
  CaptionDecision: ResolverTypeWrapper<CaptionDecision>;
  CaptionExplanation: ResolverTypeWrapper<ExplanationRow>;
  CaptionPayload: ResolverTypeWrapper<Omit<CaptionPayload, 'caption'> & { caption?: Maybe<ResolversTypes['Caption']> }>;
  CaptionReason: CaptionReason;
  CaptionReview: ResolverTypeWrapper<CaptionReview>;
  CaptionScore: ResolverTypeWrapper<CaptionScore>;
  CaptionSource: CaptionSource;
  CaptionVerdict: CaptionVerdict;
  Classification: ResolverTypeWrapper<ClassificationResult>;
  ClausePlace: ClausePlace;
  ClauseScores: ResolverTypeWrapper<ClauseRow>;
  CompleteUploadPayload: ResolverTypeWrapper<Omit<CompleteUploadPayload, 'upload'> & { upload?: Maybe<ResolversTypes['Upload']> }>;
  Corpus: ResolverTypeWrapper<CorpusRow>;
  CorpusPayload: ResolverTypeWrapper<Omit<CorpusPayload, 'corpus'> & { corpus?: Maybe<ResolversTypes['Corpus']> }>;
  CorpusSpace: ResolverTypeWrapper<Omit<CorpusSpace, 'space'> & { space: ResolversTypes['Space'] }>;
  Count: ResolverTypeWrapper<Count>;
  CountRelation: CountRelation;
  CreateUploadInput: CreateUploadInput;
  CreateUploadPayload: ResolverTypeWrapper<Omit<CreateUploadPayload, 'upload'> & { upload?: Maybe<ResolversTypes['Upload']> }>;
  DateRange: DateRange;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  DeclareQuestionInput: DeclareQuestionInput;
  DecodingInput: DecodingInput;
  Degradation: ResolverTypeWrapper<Degradation>;
  DeleteCorpusPayload: ResolverTypeWrapper<Omit<DeleteCorpusPayload, 'operation'> & { operation?: Maybe<ResolversTypes['Operation']> }>;
  DeleteImagePayload: ResolverTypeWrapper<DeleteImagePayload>;
  DescribingText: ResolverTypeWrapper<Description>;
  ErrorClass: ResolverTypeWrapper<ErrorClass>;
  ErrorKind: ErrorKind;
  Evidence: ResolverTypeWrapper<EvidenceResult>;
  EvidenceBox: ResolverTypeWrapper<EvidenceBox>;
  EvidenceFailure: ResolverTypeWrapper<EvidenceFailure>;
  EvidenceMap: ResolverTypeWrapper<DrawnMap>;
  EvidenceMethod: EvidenceMethod;
  EvidencePoint: ResolverTypeWrapper<EvidencePoint>;
  Facet: ResolverTypeWrapper<Facet>;
  FacetInput: FacetInput;
  FacetSource: FacetSource;
  FacetValue: ResolverTypeWrapper<FacetValue>;
  Failure: ResolverTypeWrapper<Failure>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  GeneratedCaption: ResolverTypeWrapper<CaptionResult>;
  GreedyInput: GreedyInput;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Image: ResolverTypeWrapper<ImageRow>;
  ImageAnswer: ResolverTypeWrapper<StoredAnswer>;
  ImageDescription: ResolverTypeWrapper<DescribeResult>;
  ImageFilter: ImageFilter;
  IndexMode: IndexMode;
  IndexRebuild: ResolverTypeWrapper<Omit<IndexRebuild, 'space'> & { space: ResolversTypes['Space'] }>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  IntRange: IntRange;
  JSON: ResolverTypeWrapper<Scalars['JSON']['output']>;
  KnownItemFigures: ResolverTypeWrapper<KnownItemFigures>;
  LabelFit: ResolverTypeWrapper<LabelFit>;
  MatchFailure: ResolverTypeWrapper<MatchFailure>;
  MatchVerdict: MatchVerdict;
  Model: ResolverTypeWrapper<Model>;
  ModelRole: ModelRole;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  NearDuplicate: ResolverTypeWrapper<NearDuplicateRow>;
  NucleusInput: NucleusInput;
  Operation: ResolverTypeWrapper<OperationRow>;
  OperationCount: ResolverTypeWrapper<OperationCount>;
  OperationState: OperationState;
  OriginFilter: OriginFilter;
  PageChange: ResolverTypeWrapper<PageChange>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Question: ResolverTypeWrapper<QuestionRow>;
  QuestionCoverage: ResolverTypeWrapper<QuestionCoverage>;
  QuestionFilter: QuestionFilter;
  QuestionPayload: ResolverTypeWrapper<Omit<QuestionPayload, 'question'> & { question?: Maybe<ResolversTypes['Question']> }>;
  QuestionType: QuestionType;
  RankInput: RankInput;
  RegisterModelInput: RegisterModelInput;
  RegisterModelPayload: ResolverTypeWrapper<RegisterModelPayload>;
  ReindexInput: ReindexInput;
  ReindexPayload: ResolverTypeWrapper<Omit<ReindexPayload, 'operation'> & { operation?: Maybe<ResolversTypes['Operation']> }>;
  ReindexPurpose: ReindexPurpose;
  RerankInput: RerankInput;
  RetireSpacePayload: ResolverTypeWrapper<RetireSpacePayload>;
  RetryFailedPayload: ResolverTypeWrapper<RetryFailedPayload>;
  RevertCaptionRunPayload: ResolverTypeWrapper<RevertCaptionRunPayload>;
  ReviewVerdict: ReviewVerdict;
  SearchClause: SearchClause;
  SearchConnection: ResolverTypeWrapper<SearchPage>;
  SearchEdge: ResolverTypeWrapper<PageHit>;
  SearchInput: SearchInput;
  SearchRefinement: ResolverTypeWrapper<RefinementEvent>;
  SearchReport: ResolverTypeWrapper<ReportRow>;
  SearchStage: SearchStage;
  SearchVerdict: ResolverTypeWrapper<SearchVerdict>;
  Space: ResolverTypeWrapper<SpaceRow>;
  SpaceComparison: ResolverTypeWrapper<SpaceComparison>;
  SpaceState: SpaceState;
  StageTiming: ResolverTypeWrapper<StageTiming>;
  StepCoverage: ResolverTypeWrapper<StepCoverage>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Upload: ResolverTypeWrapper<UploadRow>;
  UploadState: UploadState;
  UserError: ResolverTypeWrapper<UserError>;
  UserErrorCode: UserErrorCode;
  VerdictSource: VerdictSource;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Answer: AskResult;
  AnswerModeInput: AnswerModeInput;
  AnsweringModel: AnsweringModel;
  AttributeDeclaration: AttributeRow;
  AttributeFilter: AttributeFilter;
  BeamInput: BeamInput;
  BigInt: Scalars['BigInt']['output'];
  Boolean: Scalars['Boolean']['output'];
  CacheHits: CacheHits;
  CancelOperationPayload: Omit<CancelOperationPayload, 'operation'> & { operation?: Maybe<ResolversParentTypes['Operation']> };
  CandidateCounts: CandidateCounts;
  Caption: CaptionRow;
  CaptionAlternative: CaptionAlternative;
  CaptionDecision: CaptionDecision;
  CaptionExplanation: ExplanationRow;
  CaptionPayload: Omit<CaptionPayload, 'caption'> & { caption?: Maybe<ResolversParentTypes['Caption']> };
  CaptionReview: CaptionReview;
  CaptionScore: CaptionScore;
  Classification: ClassificationResult;
  ClauseScores: ClauseRow;
  CompleteUploadPayload: Omit<CompleteUploadPayload, 'upload'> & { upload?: Maybe<ResolversParentTypes['Upload']> };
  Corpus: CorpusRow;
  CorpusPayload: Omit<CorpusPayload, 'corpus'> & { corpus?: Maybe<ResolversParentTypes['Corpus']> };
  CorpusSpace: Omit<CorpusSpace, 'space'> & { space: ResolversParentTypes['Space'] };
  Count: Count;
  CreateUploadInput: CreateUploadInput;
  CreateUploadPayload: Omit<CreateUploadPayload, 'upload'> & { upload?: Maybe<ResolversParentTypes['Upload']> };
  DateRange: DateRange;
  DateTime: Scalars['DateTime']['output'];
  DeclareQuestionInput: DeclareQuestionInput;
  DecodingInput: DecodingInput;
  Degradation: Degradation;
  DeleteCorpusPayload: Omit<DeleteCorpusPayload, 'operation'> & { operation?: Maybe<ResolversParentTypes['Operation']> };
  DeleteImagePayload: DeleteImagePayload;
  DescribingText: Description;
  ErrorClass: ErrorClass;
  Evidence: EvidenceResult;
  EvidenceBox: EvidenceBox;
  EvidenceFailure: EvidenceFailure;
  EvidenceMap: DrawnMap;
  EvidencePoint: EvidencePoint;
  Facet: Facet;
  FacetInput: FacetInput;
  FacetValue: FacetValue;
  Failure: Failure;
  Float: Scalars['Float']['output'];
  GeneratedCaption: CaptionResult;
  GreedyInput: GreedyInput;
  ID: Scalars['ID']['output'];
  Image: ImageRow;
  ImageAnswer: StoredAnswer;
  ImageDescription: DescribeResult;
  ImageFilter: ImageFilter;
  IndexRebuild: Omit<IndexRebuild, 'space'> & { space: ResolversParentTypes['Space'] };
  Int: Scalars['Int']['output'];
  IntRange: IntRange;
  JSON: Scalars['JSON']['output'];
  KnownItemFigures: KnownItemFigures;
  LabelFit: LabelFit;
  MatchFailure: MatchFailure;
  Model: Model;
  Mutation: Record<PropertyKey, never>;
  NearDuplicate: NearDuplicateRow;
  NucleusInput: NucleusInput;
  Operation: OperationRow;
  OperationCount: OperationCount;
  OriginFilter: OriginFilter;
  PageChange: PageChange;
  PageInfo: PageInfo;
  Query: Record<PropertyKey, never>;
  Question: QuestionRow;
  QuestionCoverage: QuestionCoverage;
  QuestionFilter: QuestionFilter;
  QuestionPayload: Omit<QuestionPayload, 'question'> & { question?: Maybe<ResolversParentTypes['Question']> };
  RankInput: RankInput;
  RegisterModelInput: RegisterModelInput;
  RegisterModelPayload: RegisterModelPayload;
  ReindexInput: ReindexInput;
  ReindexPayload: Omit<ReindexPayload, 'operation'> & { operation?: Maybe<ResolversParentTypes['Operation']> };
  RerankInput: RerankInput;
  RetireSpacePayload: RetireSpacePayload;
  RetryFailedPayload: RetryFailedPayload;
  RevertCaptionRunPayload: RevertCaptionRunPayload;
  SearchClause: SearchClause;
  SearchConnection: SearchPage;
  SearchEdge: PageHit;
  SearchInput: SearchInput;
  SearchRefinement: RefinementEvent;
  SearchReport: ReportRow;
  SearchVerdict: SearchVerdict;
  Space: SpaceRow;
  SpaceComparison: SpaceComparison;
  StageTiming: StageTiming;
  StepCoverage: StepCoverage;
  String: Scalars['String']['output'];
  Subscription: Record<PropertyKey, never>;
  Upload: UploadRow;
  UserError: UserError;
};

export type AnswerResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Answer'] = ResolversParentTypes['Answer']> = {
  image?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  logProbability?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  mode?: Resolver<ResolversTypes['AnswerMode'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  question?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type AnsweringModelResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['AnsweringModel'] = ResolversParentTypes['AnsweringModel']> = {
  images?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type AttributeDeclarationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['AttributeDeclaration'] = ResolversParentTypes['AttributeDeclaration']> = {
  list?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  required?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  type?: Resolver<ResolversTypes['AttributeType'], ParentType, ContextType>;
  values?: Resolver<Maybe<Array<ResolversTypes['JSON']>>, ParentType, ContextType>;
};

export interface BigIntScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['BigInt'], any> {
  name: 'BigInt';
}

export type CacheHitsResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CacheHits'] = ResolversParentTypes['CacheHits']> = {
  imageTokens?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  keptAnswer?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  vectors?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CancelOperationPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CancelOperationPayload'] = ResolversParentTypes['CancelOperationPayload']> = {
  operation?: Resolver<Maybe<ResolversTypes['Operation']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type CandidateCountsResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CandidateCounts'] = ResolversParentTypes['CandidateCounts']> = {
  byText?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  requested?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  reranked?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  retrieved?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CaptionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Caption'] = ResolversParentTypes['Caption']> = {
  author?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  language?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  modelFingerprint?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  reason?: Resolver<Maybe<ResolversTypes['CaptionReason']>, ParentType, ContextType>;
  runId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  source?: Resolver<ResolversTypes['CaptionSource'], ParentType, ContextType>;
  supersededBy?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  verdict?: Resolver<Maybe<ResolversTypes['CaptionVerdict']>, ParentType, ContextType>;
};

export type CaptionAlternativeResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionAlternative'] = ResolversParentTypes['CaptionAlternative']> = {
  logProbability?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type CaptionDecisionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionDecision'] = ResolversParentTypes['CaptionDecision']> = {
  active?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  filterFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  matchProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  reason?: Resolver<ResolversTypes['CaptionReason'], ParentType, ContextType>;
  rule?: Resolver<ResolversTypes['JSON'], ParentType, ContextType>;
  verdict?: Resolver<ResolversTypes['CaptionVerdict'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CaptionExplanationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionExplanation'] = ResolversParentTypes['CaptionExplanation']> = {
  caption?: Resolver<ResolversTypes['Caption'], ParentType, ContextType>;
  decisions?: Resolver<Array<ResolversTypes['CaptionDecision']>, ParentType, ContextType>;
  distinctWords?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  reviews?: Resolver<Array<ResolversTypes['CaptionReview']>, ParentType, ContextType>;
  scores?: Resolver<Array<ResolversTypes['CaptionScore']>, ParentType, ContextType>;
  words?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CaptionPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionPayload'] = ResolversParentTypes['CaptionPayload']> = {
  caption?: Resolver<Maybe<ResolversTypes['Caption']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type CaptionReviewResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionReview'] = ResolversParentTypes['CaptionReview']> = {
  note?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  reviewer?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  verdict?: Resolver<ResolversTypes['CaptionVerdict'], ParentType, ContextType>;
};

export type CaptionScoreResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CaptionScore'] = ResolversParentTypes['CaptionScore']> = {
  filterFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  itcCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  itmLogit?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  itmNoMatchLogit?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
};

export type ClassificationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Classification'] = ResolversParentTypes['Classification']> = {
  best?: Resolver<Maybe<ResolversTypes['LabelFit']>, ParentType, ContextType>;
  image?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  labels?: Resolver<Array<ResolversTypes['LabelFit']>, ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type ClauseScoresResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['ClauseScores'] = ResolversParentTypes['ClauseScores']> = {
  fit?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  itcCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  itmLogit?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  matchProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  place?: Resolver<ResolversTypes['ClausePlace'], ParentType, ContextType>;
  rerankScore?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  textCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  textScore?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  textShare?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type CompleteUploadPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CompleteUploadPayload'] = ResolversParentTypes['CompleteUploadPayload']> = {
  upload?: Resolver<Maybe<ResolversTypes['Upload']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type CorpusResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Corpus'] = ResolversParentTypes['Corpus']> = {
  activeSpace?: Resolver<Maybe<ResolversTypes['Space']>, ParentType, ContextType>;
  attributes?: Resolver<Array<ResolversTypes['AttributeDeclaration']>, ParentType, ContextType>;
  coverage?: Resolver<Array<ResolversTypes['StepCoverage']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  imageCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  pausedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  questions?: Resolver<Array<ResolversTypes['Question']>, ParentType, ContextType>;
  spaces?: Resolver<Array<ResolversTypes['CorpusSpace']>, ParentType, ContextType>;
};

export type CorpusPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CorpusPayload'] = ResolversParentTypes['CorpusPayload']> = {
  corpus?: Resolver<Maybe<ResolversTypes['Corpus']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type CorpusSpaceResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CorpusSpace'] = ResolversParentTypes['CorpusSpace']> = {
  space?: Resolver<ResolversTypes['Space'], ParentType, ContextType>;
  state?: Resolver<ResolversTypes['SpaceState'], ParentType, ContextType>;
  vectorCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CountResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Count'] = ResolversParentTypes['Count']> = {
  relation?: Resolver<ResolversTypes['CountRelation'], ParentType, ContextType>;
  value?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CreateUploadPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['CreateUploadPayload'] = ResolversParentTypes['CreateUploadPayload']> = {
  upload?: Resolver<Maybe<ResolversTypes['Upload']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DegradationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Degradation'] = ResolversParentTypes['Degradation']> = {
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  images?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  stage?: Resolver<ResolversTypes['SearchStage'], ParentType, ContextType>;
};

export type DeleteCorpusPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['DeleteCorpusPayload'] = ResolversParentTypes['DeleteCorpusPayload']> = {
  deletedCorpusId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  operation?: Resolver<Maybe<ResolversTypes['Operation']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type DeleteImagePayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['DeleteImagePayload'] = ResolversParentTypes['DeleteImagePayload']> = {
  bytesRemoved?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  deletedImageId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type DescribingTextResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['DescribingText'] = ResolversParentTypes['DescribingText']> = {
  captionId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  itcCosine?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  itmLogit?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  matchProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  of?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  rerankScore?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type ErrorClassResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['ErrorClass'] = ResolversParentTypes['ErrorClass']> = {
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['ErrorKind'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  step?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  waiting?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type EvidenceResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Evidence'] = ResolversParentTypes['Evidence']> = {
  failure?: Resolver<Maybe<ResolversTypes['EvidenceFailure']>, ParentType, ContextType>;
  map?: Resolver<Maybe<ResolversTypes['EvidenceMap']>, ParentType, ContextType>;
  text?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  word?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type EvidenceBoxResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['EvidenceBox'] = ResolversParentTypes['EvidenceBox']> = {
  height?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  left?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  top?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  width?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type EvidenceFailureResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['EvidenceFailure'] = ResolversParentTypes['EvidenceFailure']> = {
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  retryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type EvidenceMapResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['EvidenceMap'] = ResolversParentTypes['EvidenceMap']> = {
  box?: Resolver<Maybe<ResolversTypes['EvidenceBox']>, ParentType, ContextType>;
  columns?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  method?: Resolver<ResolversTypes['EvidenceMethod'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  overlayUrl?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  peak?: Resolver<Maybe<ResolversTypes['EvidencePoint']>, ParentType, ContextType>;
  peakCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  rows?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  values?: Resolver<Array<Array<ResolversTypes['Float']>>, ParentType, ContextType>;
};

export type EvidencePointResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['EvidencePoint'] = ResolversParentTypes['EvidencePoint']> = {
  x?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  y?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type FacetResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Facet'] = ResolversParentTypes['Facet']> = {
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  of?: Resolver<ResolversTypes['FacetSource'], ParentType, ContextType>;
  values?: Resolver<Array<ResolversTypes['FacetValue']>, ParentType, ContextType>;
};

export type FacetValueResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['FacetValue'] = ResolversParentTypes['FacetValue']> = {
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  filter?: Resolver<ResolversTypes['JSON'], ParentType, ContextType>;
  hits?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  value?: Resolver<ResolversTypes['JSON'], ParentType, ContextType>;
};

export type FailureResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Failure'] = ResolversParentTypes['Failure']> = {
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type GeneratedCaptionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['GeneratedCaption'] = ResolversParentTypes['GeneratedCaption']> = {
  alternatives?: Resolver<Array<ResolversTypes['CaptionAlternative']>, ParentType, ContextType>;
  image?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  logProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  stored?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type ImageResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Image'] = ResolversParentTypes['Image']> = {
  answers?: Resolver<Array<ResolversTypes['ImageAnswer']>, ParentType, ContextType>;
  attributes?: Resolver<ResolversTypes['JSON'], ParentType, ContextType>;
  captions?: Resolver<Array<ResolversTypes['Caption']>, ParentType, ContextType>;
  corpus?: Resolver<ResolversTypes['Corpus'], ParentType, ContextType>;
  evidence?: Resolver<Maybe<ResolversTypes['Evidence']>, ParentType, ContextType, RequireFields<ImageEvidenceArgs, 'word'>>;
  height?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  nearDuplicates?: Resolver<Array<ResolversTypes['NearDuplicate']>, ParentType, ContextType, RequireFields<ImageNearDuplicatesArgs, 'first'>>;
  origins?: Resolver<Array<ResolversTypes['String']>, ParentType, ContextType>;
  sha256?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  thumbnailUrl?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  url?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  width?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type ImageAnswerResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['ImageAnswer'] = ResolversParentTypes['ImageAnswer']> = {
  answeredAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  counts?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  logProbability?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  mode?: Resolver<ResolversTypes['AnswerMode'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  probability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  question?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  type?: Resolver<ResolversTypes['QuestionType'], ParentType, ContextType>;
  value?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
};

export type ImageDescriptionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['ImageDescription'] = ResolversParentTypes['ImageDescription']> = {
  image?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  texts?: Resolver<Array<ResolversTypes['DescribingText']>, ParentType, ContextType>;
};

export type IndexRebuildResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['IndexRebuild'] = ResolversParentTypes['IndexRebuild']> = {
  indexed?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  queries?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  recallAfter?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  recallBefore?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  sizeBytesAfter?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  sizeBytesBefore?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  space?: Resolver<ResolversTypes['Space'], ParentType, ContextType>;
  vectorCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export interface JsonScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSON'], any> {
  name: 'JSON';
}

export type KnownItemFiguresResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['KnownItemFigures'] = ResolversParentTypes['KnownItemFigures']> = {
  recallAt1?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  recallAt10?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  rerankedAt1?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  rerankedAt10?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type LabelFitResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['LabelFit'] = ResolversParentTypes['LabelFit']> = {
  itcCosine?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  itmLogit?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  label?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  matchProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  rerankScore?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  text?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type MatchFailureResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['MatchFailure'] = ResolversParentTypes['MatchFailure']> = {
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  imageId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type ModelResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Model'] = ResolversParentTypes['Model']> = {
  dimensions?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  fingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  itcWeight?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  roles?: Resolver<Array<ResolversTypes['ModelRole']>, ParentType, ContextType>;
  served?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type MutationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  addCaption?: Resolver<ResolversTypes['CaptionPayload'], ParentType, ContextType, RequireFields<MutationAddCaptionArgs, 'author' | 'imageId' | 'text'>>;
  cancelOperation?: Resolver<ResolversTypes['CancelOperationPayload'], ParentType, ContextType, RequireFields<MutationCancelOperationArgs, 'operationId'>>;
  completeUpload?: Resolver<ResolversTypes['CompleteUploadPayload'], ParentType, ContextType, RequireFields<MutationCompleteUploadArgs, 'uploadId'>>;
  correctCaption?: Resolver<ResolversTypes['CaptionPayload'], ParentType, ContextType, RequireFields<MutationCorrectCaptionArgs, 'author' | 'captionId' | 'text'>>;
  createCorpus?: Resolver<ResolversTypes['CorpusPayload'], ParentType, ContextType, RequireFields<MutationCreateCorpusArgs, 'name'>>;
  createUpload?: Resolver<ResolversTypes['CreateUploadPayload'], ParentType, ContextType, RequireFields<MutationCreateUploadArgs, 'input'>>;
  declareQuestion?: Resolver<ResolversTypes['QuestionPayload'], ParentType, ContextType, RequireFields<MutationDeclareQuestionArgs, 'input'>>;
  deleteCorpus?: Resolver<ResolversTypes['DeleteCorpusPayload'], ParentType, ContextType, RequireFields<MutationDeleteCorpusArgs, 'corpus'>>;
  deleteImage?: Resolver<ResolversTypes['DeleteImagePayload'], ParentType, ContextType, RequireFields<MutationDeleteImageArgs, 'imageId'>>;
  pauseCorpus?: Resolver<ResolversTypes['CorpusPayload'], ParentType, ContextType, RequireFields<MutationPauseCorpusArgs, 'corpus'>>;
  registerModel?: Resolver<ResolversTypes['RegisterModelPayload'], ParentType, ContextType, RequireFields<MutationRegisterModelArgs, 'input'>>;
  reindex?: Resolver<ResolversTypes['ReindexPayload'], ParentType, ContextType, RequireFields<MutationReindexArgs, 'input'>>;
  renewAnswers?: Resolver<ResolversTypes['QuestionPayload'], ParentType, ContextType, RequireFields<MutationRenewAnswersArgs, 'corpus' | 'name'>>;
  resumeCorpus?: Resolver<ResolversTypes['CorpusPayload'], ParentType, ContextType, RequireFields<MutationResumeCorpusArgs, 'corpus'>>;
  retireQuestion?: Resolver<ResolversTypes['QuestionPayload'], ParentType, ContextType, RequireFields<MutationRetireQuestionArgs, 'corpus' | 'name'>>;
  retireSpace?: Resolver<ResolversTypes['RetireSpacePayload'], ParentType, ContextType, RequireFields<MutationRetireSpaceArgs, 'corpus' | 'spaceId'>>;
  retryFailed?: Resolver<ResolversTypes['RetryFailedPayload'], ParentType, ContextType, RequireFields<MutationRetryFailedArgs, 'corpus'>>;
  revertCaptionRun?: Resolver<ResolversTypes['RevertCaptionRunPayload'], ParentType, ContextType, RequireFields<MutationRevertCaptionRunArgs, 'runId'>>;
  reviewCaption?: Resolver<ResolversTypes['CaptionPayload'], ParentType, ContextType, RequireFields<MutationReviewCaptionArgs, 'captionId' | 'reviewer' | 'verdict'>>;
  rollbackSpace?: Resolver<ResolversTypes['CorpusPayload'], ParentType, ContextType, RequireFields<MutationRollbackSpaceArgs, 'corpus' | 'force'>>;
};

export type NearDuplicateResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['NearDuplicate'] = ResolversParentTypes['NearDuplicate']> = {
  hashDistance?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  image?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  itcCosine?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type OperationResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Operation'] = ResolversParentTypes['Operation']> = {
  captionRunId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  comparison?: Resolver<Maybe<ResolversTypes['SpaceComparison']>, ParentType, ContextType>;
  corpus?: Resolver<Maybe<ResolversTypes['Corpus']>, ParentType, ContextType>;
  counts?: Resolver<Array<ResolversTypes['OperationCount']>, ParentType, ContextType>;
  coverage?: Resolver<Array<ResolversTypes['StepCoverage']>, ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  dryRun?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  error?: Resolver<Maybe<ResolversTypes['Failure']>, ParentType, ContextType>;
  errorClasses?: Resolver<Array<ResolversTypes['ErrorClass']>, ParentType, ContextType>;
  etaSeconds?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  finishedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  indexRebuild?: Resolver<Maybe<ResolversTypes['IndexRebuild']>, ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  ratePerSecond?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  state?: Resolver<ResolversTypes['OperationState'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type OperationCountResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['OperationCount'] = ResolversParentTypes['OperationCount']> = {
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  value?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
};

export type PageChangeResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['PageChange'] = ResolversParentTypes['PageChange']> = {
  entered?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  isStable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  left?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  moved?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  ask?: Resolver<ResolversTypes['Answer'], ParentType, ContextType, RequireFields<QueryAskArgs, 'imageId' | 'question'>>;
  caption?: Resolver<ResolversTypes['GeneratedCaption'], ParentType, ContextType, RequireFields<QueryCaptionArgs, 'alternatives' | 'imageId'>>;
  classify?: Resolver<ResolversTypes['Classification'], ParentType, ContextType, RequireFields<QueryClassifyArgs, 'imageId' | 'labels' | 'template'>>;
  corpora?: Resolver<Array<ResolversTypes['Corpus']>, ParentType, ContextType>;
  corpus?: Resolver<Maybe<ResolversTypes['Corpus']>, ParentType, ContextType, RequireFields<QueryCorpusArgs, 'name'>>;
  describe?: Resolver<ResolversTypes['ImageDescription'], ParentType, ContextType, RequireFields<QueryDescribeArgs, 'first' | 'imageId'>>;
  explainCaption?: Resolver<Maybe<ResolversTypes['CaptionExplanation']>, ParentType, ContextType, RequireFields<QueryExplainCaptionArgs, 'captionId'>>;
  image?: Resolver<Maybe<ResolversTypes['Image']>, ParentType, ContextType, RequireFields<QueryImageArgs, 'id'>>;
  models?: Resolver<Array<ResolversTypes['Model']>, ParentType, ContextType>;
  operation?: Resolver<Maybe<ResolversTypes['Operation']>, ParentType, ContextType, RequireFields<QueryOperationArgs, 'id'>>;
  operations?: Resolver<Array<ResolversTypes['Operation']>, ParentType, ContextType, RequireFields<QueryOperationsArgs, 'first'>>;
  search?: Resolver<ResolversTypes['SearchConnection'], ParentType, ContextType, RequireFields<QuerySearchArgs, 'first' | 'input'>>;
  upload?: Resolver<Maybe<ResolversTypes['Upload']>, ParentType, ContextType, RequireFields<QueryUploadArgs, 'id'>>;
};

export type QuestionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Question'] = ResolversParentTypes['Question']> = {
  answers?: Resolver<Maybe<Array<ResolversTypes['String']>>, ParentType, ContextType>;
  coverage?: Resolver<ResolversTypes['QuestionCoverage'], ParentType, ContextType>;
  declaredAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  minimumProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  models?: Resolver<Array<ResolversTypes['AnsweringModel']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  question?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  renewRequestedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  type?: Resolver<ResolversTypes['QuestionType'], ParentType, ContextType>;
};

export type QuestionCoverageResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['QuestionCoverage'] = ResolversParentTypes['QuestionCoverage']> = {
  answered?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  counting?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  excluded?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  failed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  images?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  pending?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type QuestionPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['QuestionPayload'] = ResolversParentTypes['QuestionPayload']> = {
  question?: Resolver<Maybe<ResolversTypes['Question']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type RegisterModelPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['RegisterModelPayload'] = ResolversParentTypes['RegisterModelPayload']> = {
  model?: Resolver<Maybe<ResolversTypes['Model']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type ReindexPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['ReindexPayload'] = ResolversParentTypes['ReindexPayload']> = {
  operation?: Resolver<Maybe<ResolversTypes['Operation']>, ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type RetireSpacePayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['RetireSpacePayload'] = ResolversParentTypes['RetireSpacePayload']> = {
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
  vectorsRemoved?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type RetryFailedPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['RetryFailedPayload'] = ResolversParentTypes['RetryFailedPayload']> = {
  steps?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type RevertCaptionRunPayloadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['RevertCaptionRunPayload'] = ResolversParentTypes['RevertCaptionRunPayload']> = {
  captions?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  userErrors?: Resolver<Array<ResolversTypes['UserError']>, ParentType, ContextType>;
};

export type SearchConnectionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SearchConnection'] = ResolversParentTypes['SearchConnection']> = {
  edges?: Resolver<Array<ResolversTypes['SearchEdge']>, ParentType, ContextType>;
  facets?: Resolver<Array<ResolversTypes['Facet']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  report?: Resolver<ResolversTypes['SearchReport'], ParentType, ContextType>;
  total?: Resolver<ResolversTypes['Count'], ParentType, ContextType>;
  verdict?: Resolver<Maybe<ResolversTypes['SearchVerdict']>, ParentType, ContextType>;
};

export type SearchEdgeResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SearchEdge'] = ResolversParentTypes['SearchEdge']> = {
  clauses?: Resolver<Array<ResolversTypes['ClauseScores']>, ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  evidence?: Resolver<Maybe<ResolversTypes['Evidence']>, ParentType, ContextType, RequireFields<SearchEdgeEvidenceArgs, 'word'>>;
  fusedScore?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  itcCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  itmLogit?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  matchProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Image'], ParentType, ContextType>;
  rank?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  rankBeforeRerank?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  rerankScore?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  textCosine?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  textScore?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  textShare?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type SearchRefinementResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SearchRefinement'] = ResolversParentTypes['SearchRefinement']> = {
  candidates?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  change?: Resolver<ResolversTypes['PageChange'], ParentType, ContextType>;
  isFinal?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  judged?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  page?: Resolver<ResolversTypes['SearchConnection'], ParentType, ContextType>;
};

export type SearchReportResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SearchReport'] = ResolversParentTypes['SearchReport']> = {
  cacheHits?: Resolver<ResolversTypes['CacheHits'], ParentType, ContextType>;
  candidates?: Resolver<ResolversTypes['CandidateCounts'], ParentType, ContextType>;
  degraded?: Resolver<Array<ResolversTypes['Degradation']>, ParentType, ContextType>;
  estimatedRecall?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  indexMode?: Resolver<ResolversTypes['IndexMode'], ParentType, ContextType>;
  itcWeight?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  matchFailures?: Resolver<Array<ResolversTypes['MatchFailure']>, ParentType, ContextType>;
  milliseconds?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  modelName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  spaceId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  stages?: Resolver<Array<ResolversTypes['StageTiming']>, ParentType, ContextType>;
  textWeight?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type SearchVerdictResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SearchVerdict'] = ResolversParentTypes['SearchVerdict']> = {
  answerProbability?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  decidedBy?: Resolver<ResolversTypes['VerdictSource'], ParentType, ContextType>;
  verdict?: Resolver<ResolversTypes['MatchVerdict'], ParentType, ContextType>;
};

export type SpaceResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Space'] = ResolversParentTypes['Space']> = {
  dimensions?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  modelFingerprint?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type SpaceComparisonResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['SpaceComparison'] = ResolversParentTypes['SpaceComparison']> = {
  after?: Resolver<ResolversTypes['KnownItemFigures'], ParentType, ContextType>;
  before?: Resolver<ResolversTypes['KnownItemFigures'], ParentType, ContextType>;
  indexRecall?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  judgeName?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  judgedBetter?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  judgedWorse?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  missing?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  objections?: Resolver<Array<ResolversTypes['Failure']>, ParentType, ContextType>;
  pictures?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  queries?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type StageTimingResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['StageTiming'] = ResolversParentTypes['StageTiming']> = {
  milliseconds?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  stage?: Resolver<ResolversTypes['SearchStage'], ParentType, ContextType>;
};

export type StepCoverageResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['StepCoverage'] = ResolversParentTypes['StepCoverage']> = {
  done?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  excluded?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  failed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  step?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  total?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  unplanned?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  waiting?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  operationUpdated?: SubscriptionResolver<ResolversTypes['Operation'], "operationUpdated", ParentType, ContextType, RequireFields<SubscriptionOperationUpdatedArgs, 'id'>>;
  searchRefined?: SubscriptionResolver<ResolversTypes['SearchRefinement'], "searchRefined", ParentType, ContextType, RequireFields<SubscriptionSearchRefinedArgs, 'first' | 'input'>>;
  uploadUpdated?: SubscriptionResolver<ResolversTypes['Upload'], "uploadUpdated", ParentType, ContextType, RequireFields<SubscriptionUploadUpdatedArgs, 'id'>>;
};

export type UploadResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['Upload'] = ResolversParentTypes['Upload']> = {
  corpus?: Resolver<ResolversTypes['Corpus'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  error?: Resolver<Maybe<ResolversTypes['Failure']>, ParentType, ContextType>;
  expiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  image?: Resolver<Maybe<ResolversTypes['Image']>, ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  receivedBytes?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  sha256?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  sizeBytes?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  state?: Resolver<ResolversTypes['UploadState'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  url?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type UserErrorResolvers<ContextType = GatewayContext, ParentType extends ResolversParentTypes['UserError'] = ResolversParentTypes['UserError']> = {
  code?: Resolver<ResolversTypes['UserErrorCode'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  path?: Resolver<Array<ResolversTypes['String']>, ParentType, ContextType>;
};

export type Resolvers<ContextType = GatewayContext> = {
  Answer?: AnswerResolvers<ContextType>;
  AnsweringModel?: AnsweringModelResolvers<ContextType>;
  AttributeDeclaration?: AttributeDeclarationResolvers<ContextType>;
  BigInt?: GraphQLScalarType;
  CacheHits?: CacheHitsResolvers<ContextType>;
  CancelOperationPayload?: CancelOperationPayloadResolvers<ContextType>;
  CandidateCounts?: CandidateCountsResolvers<ContextType>;
  Caption?: CaptionResolvers<ContextType>;
  CaptionAlternative?: CaptionAlternativeResolvers<ContextType>;
  CaptionDecision?: CaptionDecisionResolvers<ContextType>;
  CaptionExplanation?: CaptionExplanationResolvers<ContextType>;
  CaptionPayload?: CaptionPayloadResolvers<ContextType>;
  CaptionReview?: CaptionReviewResolvers<ContextType>;
  CaptionScore?: CaptionScoreResolvers<ContextType>;
  Classification?: ClassificationResolvers<ContextType>;
  ClauseScores?: ClauseScoresResolvers<ContextType>;
  CompleteUploadPayload?: CompleteUploadPayloadResolvers<ContextType>;
  Corpus?: CorpusResolvers<ContextType>;
  CorpusPayload?: CorpusPayloadResolvers<ContextType>;
  CorpusSpace?: CorpusSpaceResolvers<ContextType>;
  Count?: CountResolvers<ContextType>;
  CreateUploadPayload?: CreateUploadPayloadResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  Degradation?: DegradationResolvers<ContextType>;
  DeleteCorpusPayload?: DeleteCorpusPayloadResolvers<ContextType>;
  DeleteImagePayload?: DeleteImagePayloadResolvers<ContextType>;
  DescribingText?: DescribingTextResolvers<ContextType>;
  ErrorClass?: ErrorClassResolvers<ContextType>;
  Evidence?: EvidenceResolvers<ContextType>;
  EvidenceBox?: EvidenceBoxResolvers<ContextType>;
  EvidenceFailure?: EvidenceFailureResolvers<ContextType>;
  EvidenceMap?: EvidenceMapResolvers<ContextType>;
  EvidencePoint?: EvidencePointResolvers<ContextType>;
  Facet?: FacetResolvers<ContextType>;
  FacetValue?: FacetValueResolvers<ContextType>;
  Failure?: FailureResolvers<ContextType>;
  GeneratedCaption?: GeneratedCaptionResolvers<ContextType>;
  Image?: ImageResolvers<ContextType>;
  ImageAnswer?: ImageAnswerResolvers<ContextType>;
  ImageDescription?: ImageDescriptionResolvers<ContextType>;
  IndexRebuild?: IndexRebuildResolvers<ContextType>;
  JSON?: GraphQLScalarType;
  KnownItemFigures?: KnownItemFiguresResolvers<ContextType>;
  LabelFit?: LabelFitResolvers<ContextType>;
  MatchFailure?: MatchFailureResolvers<ContextType>;
  Model?: ModelResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  NearDuplicate?: NearDuplicateResolvers<ContextType>;
  Operation?: OperationResolvers<ContextType>;
  OperationCount?: OperationCountResolvers<ContextType>;
  PageChange?: PageChangeResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  Question?: QuestionResolvers<ContextType>;
  QuestionCoverage?: QuestionCoverageResolvers<ContextType>;
  QuestionPayload?: QuestionPayloadResolvers<ContextType>;
  RegisterModelPayload?: RegisterModelPayloadResolvers<ContextType>;
  ReindexPayload?: ReindexPayloadResolvers<ContextType>;
  RetireSpacePayload?: RetireSpacePayloadResolvers<ContextType>;
  RetryFailedPayload?: RetryFailedPayloadResolvers<ContextType>;
  RevertCaptionRunPayload?: RevertCaptionRunPayloadResolvers<ContextType>;
  SearchConnection?: SearchConnectionResolvers<ContextType>;
  SearchEdge?: SearchEdgeResolvers<ContextType>;
  SearchRefinement?: SearchRefinementResolvers<ContextType>;
  SearchReport?: SearchReportResolvers<ContextType>;
  SearchVerdict?: SearchVerdictResolvers<ContextType>;
  Space?: SpaceResolvers<ContextType>;
  SpaceComparison?: SpaceComparisonResolvers<ContextType>;
  StageTiming?: StageTimingResolvers<ContextType>;
  StepCoverage?: StepCoverageResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
  Upload?: UploadResolvers<ContextType>;
  UserError?: UserErrorResolvers<ContextType>;
};

