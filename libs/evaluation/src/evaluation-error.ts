/**
 * Why an evaluation cannot be computed.
 * BAD_INPUT: a value given to a metric is outside its range. BAD_DATASET: a data set's file is missing or malformed.
 * EMPTY: nothing to evaluate, so that any figure would be made up.
 */
export type EvaluationErrorCode = "BAD_INPUT" | "BAD_DATASET" | "EMPTY";

/** The one error class of this library. The same input fails the same way again, so none is retryable. */
export class EvaluationError extends Error {
  readonly code: EvaluationErrorCode;
  readonly retryable = false;
  constructor(code: EvaluationErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "EvaluationError";
    this.code = code;
  }
}
