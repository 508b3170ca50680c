export { EvaluationError, type EvaluationErrorCode } from "./evaluation-error.ts";
