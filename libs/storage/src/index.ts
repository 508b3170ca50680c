export {
  API_KEY_MARK,
  countApiKeys,
  createApiKey,
  findApiKey,
  listApiKeys,
  noteApiKeyUse,
  revokeApiKey,
  ROLES,
} from "./api-keys.ts";
export type { AccessRole, ApiKey, NewApiKey } from "./api-keys.ts";
export {
  ANSWER_STEP,
  answerFailureClasses,
  excludeOpenAnswers,
  questionCoverage,
  retryFailedAnswers,
} from "./answer-control.ts";
export type { AnswerFailureClass, FailedAnswerFilter, QuestionCoverage } from "./answer-control.ts";
export {
  ATTRIBUTE_TYPES,
  convertAttributes,
  describeDeclaration,
  missingAttributes,
} from "./attribute-values.ts";
export type { AttributeDeclaration, AttributeSchema, AttributeType, ConvertedAttributes } from "./attribute-values.ts";
export { attributesBySha256, attributeSchemaOf, declareAttributes, lockAttributeSchema } from "./corpus-attributes.ts";
export type { Declared, UnfitImage } from "./corpus-attributes.ts";
export { parseAttributeSchema } from "./parse-attribute-schema.ts";
export { typedFilter } from "./typed-filter.ts";
export { newestCalibration, saveCalibration } from "./calibrations.ts";
export type { Calibration, NewCalibration, StoredCurve } from "./calibrations.ts";
export { addCaption, captionsOf, findCaption, replaceCaption, saveLanguages } from "./captions.ts";
export type { Caption, CaptionReason, CaptionSource, CaptionVerdict, NewCaption } from "./captions.ts";
export {
  activeCaptionRun,
  beginSupersedingRun,
  corpusOfCaptionRun,
  hasCaptionRuns,
  listCaptionRuns,
  revertCaptionRun,
  startCaptionRun,
} from "./caption-runs.ts";
export type { CaptionRun, CaptionRunSummary, NewCaptionRun } from "./caption-runs.ts";
export { clearDeletedCorpora, corporaToClear, deleteCorpus, openDeletionOf } from "./deleted-corpora.ts";
export type { ClearOptions } from "./deleted-corpora.ts";
export { corporaWithOpenWork } from "./open-work.ts";
export { wakeCorpus } from "./wakes.ts";
export { drawCaptionPairs } from "./caption-pairs.ts";
export type { DrawnCaption } from "./caption-pairs.ts";
export {
  captionsToScore,
  countToScore,
  markScoresStale,
  reopenUnscored,
  saveCaptionScores,
} from "./caption-scores.ts";
export type { CaptionScore, CaptionToScore } from "./caption-scores.ts";
export { explainCaption } from "./explain-caption.ts";
export type { CaptionDecision, CaptionExplanation } from "./explain-caption.ts";
export { ledgerHead, ledgerLinesOf, ledgerStamp, schemaVersion } from "./export-ledger.ts";
export { exportedCaptions, exportedImages } from "./export-pairs.ts";
export type { ExportedCaption, ExportedImage } from "./export-pairs.ts";
export {
  activateFilterPolicy,
  activeFilterPolicy,
  countVerdicts,
  decideCaptions,
  ensureFilterPolicy,
  listFilterPolicies,
  reviewCaption,
  undecidedImages,
} from "./filter-policies.ts";
export type { FilterPolicy, FilterRule, NewFilterPolicy, VerdictCount } from "./filter-policies.ts";
export {
  corpusOfCaption,
  countCorpus,
  ensureCorpus,
  findCorpora,
  findCorpus,
  findCorpusById,
  listCorpora,
} from "./corpora.ts";
export type { Corpus, CorpusCounts } from "./corpora.ts";
export { openDatabase } from "./database.ts";
export type { Database, OpenDatabaseOptions, Queryable } from "./database.ts";
export {
  cosinesOf,
  countEmbeddings,
  countPassing,
  createVectorIndex,
  describeSpace,
  drawQueryVectors,
  embeddingOf,
  saveEmbeddings,
  searchEmbeddings,
} from "./embeddings.ts";
export type { EmbeddingRow, SearchMode, SpaceSize, VectorHit, VectorSearch } from "./embeddings.ts";
export type {
  AttributeCondition,
  AttributeValue,
  DateRange,
  ImageFilter,
  NumberRange,
  OriginCondition,
  QuestionCondition,
} from "./image-filter.ts";
export { countAnswerFacet, countFacet } from "./facets.ts";
export type { FacetValue } from "./facets.ts";
export { findSearchSessions, saveSearchSession, sessionPartKey } from "./search-sessions.ts";
export { shareReads } from "./shared-reads.ts";
export type { SharedReads } from "./shared-reads.ts";
export { questionsIn, requireQuestion, typedQuestionFilter } from "./typed-question-filter.ts";
export type { SearchSession, SearchSessionPart } from "./search-sessions.ts";
export { captionedImages, nextImages, stepsOfImages, vectorsOfImages } from "./image-products.ts";
export type { ImageToLookAt, StoredStep } from "./image-products.ts";
export { parseImageFilter } from "./parse-image-filter.ts";
export { LONGEST_ATTRIBUTE_NAME, attributeProblem } from "./flat-attributes.ts";
export { nameProblem } from "./names.ts";
export { readMoment } from "./read-moment.ts";
export {
  corporaOfImages,
  countImages,
  findImage,
  findImages,
  listImages,
  registerImage,
  saveImageFacts,
} from "./images.ts";
export type { Attributes, Image, ImageFacts, NewImage } from "./images.ts";
export {
  beginRenewals,
  claimAnswers,
  extendAnswerLeases,
  failAnswer,
  openAnswers,
  planAnswers,
  releaseAnswerLeases,
  saveAnswers,
} from "./image-answers.ts";
export type { AnswerClaim, AnswerFailure, GivenAnswer } from "./image-answers.ts";
export { importLedgerLines, importLedgerPointers, LEDGER_KINDS } from "./import-ledger.ts";
export type { LedgerKind, LedgerLines } from "./import-ledger.ts";
export {
  ANSWER_OPERATION,
  cancelOperation,
  cancelOperations,
  changedOperations,
  createOperation,
  failSilentOperations,
  findOperation,
  INGEST_OPERATION,
  isUpkeep,
  REINDEX_OPERATION,
  listOperations,
  openOperations,
  UPKEEP_OPERATIONS,
  updateOperation,
} from "./operations.ts";
export {
  listNearDuplicates,
  lockNearDuplicates,
  markNearDuplicates,
  NEAR_DUPLICATE,
  nearDuplicatesOf,
  savePerceptualHashes,
} from "./near-duplicates.ts";
export type { NearDuplicate, NearDuplicatePair } from "./near-duplicates.ts";
export {
  declareQuestion,
  liveQuestions,
  QUESTION_TYPES,
  requestRenewal,
  retireQuestion,
  TRUTH_ANSWERS,
} from "./questions.ts";
export type { DeclaredQuestion, NewQuestion, Question, QuestionType } from "./questions.ts";
export { countOpenSteps } from "./queue-depth.ts";
export type { OpenSteps } from "./queue-depth.ts";
export type { Operation, OperationState, OperationUpdate, UpkeepKind } from "./operations.ts";
export { countRejectedFiles, listRejectedFiles, recordRejectedFile, refusalClasses } from "./rejected-files.ts";
export type { RefusalClass, RejectedFile } from "./rejected-files.ts";
export { findModel, listModels, saveModel } from "./models.ts";
export type { RegisteredModel } from "./models.ts";
export {
  claimReindex,
  corporaToReindex,
  compareCoverage,
  findReindex,
  openReindexOf,
  releaseReindex,
  requestReindex,
  saveComparison,
  spaceToRollBackTo,
  switchSpace,
} from "./reindexes.ts";
export type { Reindex, SpaceCoverage } from "./reindexes.ts";
export { retireSpace } from "./retired-spaces.ts";
export {
  activateSpace,
  activeSpace,
  ensureSpace,
  findSearchPlace,
  findSpace,
  spacesBehind,
  spacesOf,
} from "./spaces.ts";
export type { NewSpace, Space, SpaceState } from "./spaces.ts";
export {
  excludeOpenSteps,
  failureClasses,
  pauseCorpus,
  pausedSince,
  raisePriority,
  resumeCorpus,
  retryFailedSteps,
} from "./step-control.ts";
export type { ErrorClass, FailedStepFilter, FailureClass } from "./step-control.ts";
export { STEPS, STEPS_OF_SPACES } from "./step-order.ts";
export type { Step } from "./step-order.ts";
export {
  MAX_ATTEMPTS,
  PRIORITIES,
  claimSteps,
  completeSteps,
  extendLeases,
  failStep,
  listFailedSteps,
  planSteps,
  releaseLeases,
  reopenSteps,
  stepCounts,
} from "./steps.ts";
export type { Claim, ClaimedStep, FailedStep, StepCounts, StepFailure } from "./steps.ts";
export { answersOf } from "./stored-answers.ts";
export type { StoredAnswer } from "./stored-answers.ts";
export {
  deleteImageRows,
  lockBlobs,
  removeUnusedBlob,
  removeUnusedBlobs,
  suspectBlobs,
} from "./suspect-blobs.ts";
export type { RemovableFiles } from "./suspect-blobs.ts";
export {
  beginReceiving,
  changedUploads,
  claimUploads,
  corporaWithUploads,
  countReceivingUploads,
  createUpload,
  expireUploads,
  findUpload,
  finishUpload,
  markStored,
  receivingAmong,
  recordReceived,
  rejectUpload,
} from "./uploads.ts";
export type { Seen, Versioned } from "./changed-rows.ts";
export type { ClaimedUpload, NewUpload, Upload, UploadState } from "./uploads.ts";
export {
  ownCaptionsOf,
  saveTextEmbeddings,
  searchTextEmbeddings,
  searchTextsNear,
  textKeyOf,
} from "./text-embeddings.ts";
export type { NearestText, NearText, NearTextSearch, OwnText, TextEmbeddingRow } from "./text-embeddings.ts";
export { placeCaptions } from "./superseded-captions.ts";
export {
  claimUpkeep,
  corporaToKeepUp,
  findUpkeep,
  openUpkeepOf,
  releaseUpkeep,
  requestUpkeep,
  saveUpkeep,
} from "./upkeeps.ts";
export type { Upkeep, UpkeepRequest } from "./upkeeps.ts";
export {
  excludeUpkeepSteps,
  forgetUpkeepSteps,
  openUpkeepSteps,
  takeOpenSteps,
  upkeepStepCounts,
} from "./upkeep-steps.ts";
export type { StepOfImage, UpkeepStepCounts } from "./upkeep-steps.ts";
export { rebuildVectorIndex, vectorIndexesOf } from "./vector-indexes.ts";
export type { VectorIndex } from "./vector-indexes.ts";
export { searchTexts } from "./texts.ts";
export type { TextHit, TextSearch } from "./texts.ts";
export { StorageError } from "./storage-error.ts";
export type { StorageErrorCode } from "./storage-error.ts";
export {
  CHANGES_KEPT_HOURS,
  currentSnapshot,
  forgetOldChanges,
  passingImageIds,
  readVectorPage,
  vectorChangesSince,
} from "./vector-copy.ts";
export type { VectorChanges, VectorPage, VectorSet } from "./vector-copy.ts";
