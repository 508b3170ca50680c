export { type CorpusPicture, corpusDataset } from "./datasets/corpus-dataset.ts";
export type { Dataset, Picture } from "./datasets/dataset.ts";
export { type DatasetFormat, FORMATS, type ReadDatasetOptions, readDataset } from "./datasets/read-dataset.ts";
export { TASKS, type TaskName } from "./datasets/tasks.ts";
export { EvaluationError, type EvaluationErrorCode } from "./evaluation-error.ts";
export { type Bleu, type BleuCounts, type BleuScores, bleu, bleuCounts, bleuOfCounts } from "./metrics/bleu.ts";
export {
  type BootstrapDifference,
  type BootstrapInterval,
  type BootstrapOptions,
  bootstrapDifference,
  bootstrapInterval,
  bootstrapStatistic,
  bootstrapStatisticDifference,
  type Statistic,
} from "./metrics/bootstrap.ts";
export type { CaptionPair } from "./metrics/caption-pair.ts";
export { type CiderD, ciderD } from "./metrics/cider-d.ts";
export {
  type ClassificationMetrics,
  type ClassifiedItem,
  type ClassResult,
  type ConfusionPair,
  classificationMetrics,
} from "./metrics/classification.ts";
export { areaUnderCurve } from "./metrics/detection.ts";
export {
  type FoilScores,
  type PairAccuracy,
  type PairScores,
  pairAccuracy,
  type WinogroundItem,
  type WinogroundScores,
  winogroundScores,
} from "./metrics/minimal-pairs.ts";
export { normaliseAnswer } from "./metrics/normalise-answer.ts";
export {
  type DescribedPicture,
  type ObjectHallucination,
  objectHallucination,
  objectMentions,
  type PictureHallucination,
} from "./metrics/object-hallucination.ts";
export type { VocabularyObject } from "./metrics/object-phrases.ts";
export { type RetrievalMetrics, ranksOf, retrievalMetrics } from "./metrics/retrieval.ts";
export { type RougeL, rougeL } from "./metrics/rouge-l.ts";
export { tokeniseCaption } from "./metrics/tokenise-caption.ts";
export { vqaAccuracy } from "./metrics/vqa-accuracy.ts";
export { type Html, html } from "./report/html.ts";
export { type ReportFacts, renderReport } from "./report/render-report.ts";
export { textTable } from "./report/text-table.ts";
export { type ChosenTasks, chooseTasks, evaluateDataset, type EvaluateOptions } from "./run/evaluate-dataset.ts";
export {
  type EvaluationResult,
  type Example,
  type Failure,
  type Metric,
  type Subset,
  type TaskResult,
} from "./run/result.ts";
export type { Progress, RunContext, RunSettings } from "./run/run-context.ts";
