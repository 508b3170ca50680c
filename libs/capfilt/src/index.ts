export { beginCaptionRun, beginCaptionsAnew, type CaptionRunSettings, decodingsOf } from "./caption-run.ts";
export { type CalibrationResult, calibrateFilter } from "./calibrate-filter.ts";
export { CapFiltError } from "./errors.ts";
export { DEFAULT_FILTER_RULE, filterRuleOf } from "./filter-rule.ts";
export { canBeJudged, judgeCaptions } from "./judge-captions.ts";
export { languageOf } from "./language.ts";
export { captionerOf, confirmationBias, filterOf } from "./models.ts";
export { type FilledPrompt, fillPrompt, namesAttributes } from "./prompt-template.ts";
export { changePolicy, ensureActivePolicy } from "./active-policy.ts";
