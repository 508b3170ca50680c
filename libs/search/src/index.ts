export {
  answerProbabilityOf,
  bestScoreOf,
  loadSearchCalibration,
  matchProbabilityOf,
  type MeasuredCalibration,
  type QueryCalibration,
  type SearchCalibration,
  VERDICT_CANDIDATES,
} from "./calibration.ts";
export {
  type CalibrationOutcome,
  type CalibrationRequest,
  calibrateSearch,
  LEAST_CALIBRATION_IMAGES,
} from "./calibrate-search.ts";
export { ANSWER_DECODING, type AskQuery, type AskResult, askImage } from "./ask-image.ts";
export {
  CAPTION_DECODING,
  type CaptionQuery,
  type CaptionResult,
  captionOf,
  requireImage,
} from "./caption-image.ts";
export {
  type Classification,
  classifyImage,
  type DescribeResult,
  type Description,
  describeImage,
  type TextFit,
} from "./describe-image.ts";
export { type Evidence, evidenceOf, type EvidenceQuery, type MappedWord } from "./evidence.ts";
export { boxOf, type EvidenceBox, type EvidencePoint, peakOf } from "./evidence-region.ts";
export { SearchError, type SearchErrorCode } from "./errors.ts";
export { loadModelOf, servedModelOf, spaceOf } from "./models.ts";
export { registerModel, requestReindexTo, rollBackSpace } from "./reindex/change-space.ts";
export { type IndexRecall, type IndexRecallRequest, measureIndexRecall } from "./reindex/index-recall.ts";
export { type IndexFigures, requestUpkeepOf } from "./reindex/request-upkeep.ts";
export { type CompareRequest, compareSpaces } from "./reindex/compare-spaces.ts";
export {
  type KnownItemFigures,
  LEAST_COMPARED_QUERIES,
  type Objection,
  type SpaceComparison,
} from "./reindex/space-comparison.ts";
export { createHotTier, type HotTier, type HotTierDependencies } from "./hot-tier/hot-tier.ts";
export type { FoundRow, OpenVectorScan, VectorScan } from "./hot-tier/scan-port.ts";
export { type ImageWithTexts, imagesWithHumanTexts } from "./human-texts.ts";
export { nameOfOrigin, ownTextsOf } from "./own-texts.ts";
export type { Facet } from "./facets.ts";
export {
  DEFAULT_CANDIDATES,
  DEFAULT_FIRST,
  MAX_CANDIDATES,
  MAX_FIRST,
  MAX_PICTURE_BYTES,
  requireText,
  type FacetRequest,
  type FacetSource,
  type SearchClause,
  type SearchQuery,
} from "./query.ts";
export { answerModeOf, answerValue } from "./question-columns.ts";
export type { ClauseScores, MatchFailure, RankedHit } from "./rank.ts";
export { createRecallMeter, type RecallMeter, type RecallMeterDependencies } from "./recall-meter.ts";
export type { CacheHits, Degradation, IndexMode, SearchReport, SearchStage, StageTiming } from "./report.ts";
export type { FetchPicture } from "./embed-clauses.ts";
export type { SearchDependencies } from "./gather-findings.ts";
export { type JudgingProgress, type SearchResult, searchImages } from "./search-images.ts";
export { type PageHit, type Refinement, refineSearch, type SearchPage, searchPage } from "./search-page.ts";
export { type Judgement, type SearchVerdict, verdictOf } from "./verdict.ts";
