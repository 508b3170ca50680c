/** Why a search, caption or question could not be tried at all. Codes are stable; messages are for people. */
export type SearchErrorCode =
  | "INVALID_QUERY"
  | "CORPUS_NOT_FOUND"
  | "IMAGE_NOT_FOUND"
  | "PICTURE_NOT_FETCHED"
  | "SEARCH_EXPIRED"
  | "NO_ACTIVE_SPACE"
  | "MODEL_MISSING"
  | "MODEL_MISMATCH"
  | "TOO_FEW_TEXTS"
  | "NOT_SEPARABLE";

/** The one error class of this library. Of its causes only another server that fails at the moment goes away by itself. */
export class SearchError extends Error {
  readonly code: SearchErrorCode;
  readonly retryable: boolean;
  constructor(code: SearchErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.name = "SearchError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
