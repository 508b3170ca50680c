/** Why one item of a call failed. Codes are stable; messages are for people. */
export type InferenceErrorCode =
  | "INVALID_IMAGE"
  | "INVALID_TEXT"
  | "WORD_NOT_IN_TEXT"
  | "IMAGE_NOT_FOUND"
  | "MODEL_NOT_FOUND"
  | "UNSUPPORTED"
  | "OVERLOADED"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "ENGINE_FAILED"
  | "UNAVAILABLE";

const RETRYABLE: ReadonlySet<InferenceErrorCode> = new Set([
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "ENGINE_FAILED",
  "UNAVAILABLE",
]);

/** The one error class of the inference port. `retryable` says whether the same call may succeed later. */
export class InferenceError extends Error {
  readonly code: InferenceErrorCode;
  readonly retryable: boolean;
  constructor(code: InferenceErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "InferenceError";
    this.code = code;
    this.retryable = RETRYABLE.has(code);
  }
}

/** The result of one item: a bad item never fails the batch it came in. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: InferenceError };

export function succeeded<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function failed<T>(error: InferenceError): Outcome<T> {
  return { ok: false, error };
}
