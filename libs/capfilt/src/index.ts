export { beginCaptionRun, CAPFILT_SETTINGS, type CaptionRunSettings, decodingsOf } from "./caption-run.ts";
export { type CalibrationResult, calibrateFilter } from "./calibrate-filter.ts";
export { CapFiltError, type CapFiltErrorCode } from "./errors.ts";
export { DEFAULT_FILTER_RULE, filterRuleOf } from "./filter-rule.ts";
export {
  canBeJudged,
  type ImageToJudge,
  type Judgement,
  judgeCaptions,
  type JudgeDependencies,
} from "./judge-captions.ts";
export { languageOf } from "./language.ts";
export { captionerOf, confirmationBias, filterOf } from "./models.ts";
export { ensureActivePolicy } from "./active-policy.ts";
export { sentencesOf } from "./sentences.ts";
