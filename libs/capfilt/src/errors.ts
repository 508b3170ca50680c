export type CapFiltErrorCode =
  | "INVALID_RULE"
  | "INVALID_RUN"
  | "MODEL_MISSING"
  | "CORPUS_NOT_FOUND"
  | "CAPTION_NOT_FOUND"
  | "NO_POLICY"
  | "NO_ACTIVE_SPACE"
  | "TOO_FEW_TEXTS"
  | "NOT_SEPARABLE";

/** Something that was asked of CapFilt and cannot be meant; asking the same again gives the same. */
export class CapFiltError extends Error {
  readonly code: CapFiltErrorCode;
  readonly retryable = false;

  constructor(code: CapFiltErrorCode, message: string) {
    super(message);
    this.name = "CapFiltError";
    this.code = code;
  }
}
