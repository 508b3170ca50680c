export { addCaption, captionsOf, findCaption, replaceCaption, saveLanguages } from "./captions.ts";
export type { Caption, CaptionReason, CaptionSource, CaptionVerdict, NewCaption } from "./captions.ts";
export {
  activeCaptionRun,
  hasCaptionRuns,
  listCaptionRuns,
  revertCaptionRun,
  startCaptionRun,
} from "./caption-runs.ts";
export type { CaptionRun, CaptionRunSummary, NewCaptionRun } from "./caption-runs.ts";
export { drawCaptionPairs } from "./caption-pairs.ts";
export type { DrawnCaption } from "./caption-pairs.ts";
export { captionsToScore, reopenUnscored, saveCaptionScores } from "./caption-scores.ts";
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
export { ensureCorpus, findCorpus, findCorpusById, listCorpora } from "./corpora.ts";
export type { Corpus } from "./corpora.ts";
export { openDatabase } from "./database.ts";
export type { Database, OpenDatabaseOptions, Queryable } from "./database.ts";
export { countEmbeddings, createVectorIndex, saveEmbeddings, searchEmbeddings } from "./embeddings.ts";
export type { EmbeddingRow, SearchMode, VectorHit, VectorSearch } from "./embeddings.ts";
export { countImages, findImage, findImages, listImages, registerImage, saveImageFacts } from "./images.ts";
export type { Attributes, Image, ImageFacts, NewImage } from "./images.ts";
export { importLedgerLines, importLedgerPointers, LEDGER_KINDS } from "./import-ledger.ts";
export type { LedgerKind, LedgerLines } from "./import-ledger.ts";
export {
  cancelOperation,
  changedOperations,
  createOperation,
  failAbandonedOperations,
  findOperation,
  listOperations,
  updateOperation,
} from "./operations.ts";
export type { Operation, OperationState, OperationUpdate } from "./operations.ts";
export { countRejectedFiles, listRejectedFiles, recordRejectedFile } from "./rejected-files.ts";
export type { RejectedFile } from "./rejected-files.ts";
export { activateSpace, activeSpace, ensureSpace, findSpace, spacesOf } from "./spaces.ts";
export type { NewSpace, Space, SpaceState } from "./spaces.ts";
export {
  MAX_ATTEMPTS,
  STEPS,
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
export { excludeOpenSteps, retryFailedSteps } from "./retry-steps.ts";
export { errorClasses } from "./error-classes.ts";
export type { ErrorClass } from "./error-classes.ts";
export { deleteImageRows, lockBlobs, removeUnusedBlob, removeUnusedBlobs, suspectBlob } from "./suspect-blobs.ts";
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
export type { ClaimedUpload, NewUpload, Seen, Upload, UploadState, Versioned } from "./uploads.ts";
export type { Claim, ClaimedStep, FailedStep, Step, StepCounts, StepFailure } from "./steps.ts";
export {
  ownCaptionsOf,
  saveTextEmbeddings,
  searchTextEmbeddings,
  textKeyOf,
} from "./text-embeddings.ts";
export type { NearText, NearTextSearch, OwnText, TextEmbeddingRow } from "./text-embeddings.ts";
export { searchTexts } from "./texts.ts";
export type { TextHit, TextSearch } from "./texts.ts";
export { StorageError } from "./storage-error.ts";
export type { StorageErrorCode } from "./storage-error.ts";
