export type BlipErrorCode =
  | "MODEL_NOT_FOUND"
  | "MISSING_TENSOR"
  | "WRONG_SHAPE"
  | "BAD_CONFIG"
  | "BAD_VOCABULARY"
  | "NOT_BLIP"
  | "UNSUPPORTED"
  | "INVALID_TEXT";

/** The one error class of libs/blip: a checkpoint or text that the model cannot take. Never retryable. */
export class BlipError extends Error {
  readonly code: BlipErrorCode;
  readonly retryable = false;
  constructor(code: BlipErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "BlipError";
    this.code = code;
  }
}
