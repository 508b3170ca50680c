/** Why a search, caption or question could not be tried at all. Codes are stable; messages are for people. */
export type SearchErrorCode =
  | "INVALID_QUERY"
  | "CORPUS_NOT_FOUND"
  | "IMAGE_NOT_FOUND"
  | "SEARCH_EXPIRED"
  | "NO_ACTIVE_SPACE"
  | "MODEL_MISSING"
  | "MODEL_MISMATCH"
  | "TOO_FEW_TEXTS"
  | "NOT_SEPARABLE";

/** The one error class of this library. None of its causes goes away by itself, so none is retryable. */
export class SearchError extends Error {
  readonly code: SearchErrorCode;
  readonly retryable = false;
  constructor(code: SearchErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "SearchError";
    this.code = code;
  }
}
