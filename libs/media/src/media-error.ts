/**
 * Why bytes did not become a picture. Codes are stable; messages are for people.
 * TRUNCATED: the file starts as the format it claims, but it ends too early or is damaged inside.
 */
export type MediaErrorCode = "EMPTY_FILE" | "NOT_AN_IMAGE" | "UNSUPPORTED_FORMAT" | "TOO_MANY_PIXELS" | "TRUNCATED";

/** The one error class of this library. Never retryable: the same bytes fail the same way. */
export class MediaError extends Error {
  readonly code: MediaErrorCode;
  readonly retryable = false;
  constructor(code: MediaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "MediaError";
    this.code = code;
  }
}
