/** Why bytes were not taken. The codes stand in `docs/uploads.md`. */
export type UploadErrorCode =
  | "INVALID_TOKEN"
  | "EXPIRED"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "INVALID_HEADER"
  | "OFFSET_MISMATCH"
  | "TOO_LARGE"
  | "EMPTY_FILE"
  | "NOT_AN_IMAGE"
  | "UNSUPPORTED_FORMAT"
  | "REJECTED"
  | "INCOMPLETE"
  | "TAKEN_OVER"
  | "OVERLOADED"
  | "STORAGE_FULL";

/** The status that HTTP answers with. */
export const UPLOAD_STATUS: Readonly<Record<UploadErrorCode, number>> = {
  INVALID_TOKEN: 403,
  EXPIRED: 410,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INVALID_HEADER: 400,
  OFFSET_MISMATCH: 409,
  TOO_LARGE: 413,
  EMPTY_FILE: 415,
  NOT_AN_IMAGE: 415,
  UNSUPPORTED_FORMAT: 415,
  REJECTED: 409,
  INCOMPLETE: 409,
  TAKEN_OVER: 409,
  OVERLOADED: 503,
  STORAGE_FULL: 507,
};

const RETRYABLE: ReadonlySet<UploadErrorCode> = new Set([
  "OFFSET_MISMATCH",
  "TAKEN_OVER",
  "OVERLOADED",
  "STORAGE_FULL",
]);

export class UploadError extends Error {
  readonly code: UploadErrorCode;
  readonly retryable: boolean;
  /** How many bytes are there, where that is what the sender has to know. */
  readonly receivedBytes: number | null;

  constructor(
    code: UploadErrorCode,
    message: string,
    { receivedBytes, cause }: { receivedBytes?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = "UploadError";
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.receivedBytes = receivedBytes ?? null;
  }
}
