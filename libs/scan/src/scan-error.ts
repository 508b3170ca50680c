export type ScanErrorCode = "SCAN_ENDED" | "SCAN_FAILED";

/** The copy in memory cannot answer; whoever asked has to go to where the vectors came from. */
export class ScanError extends Error {
  readonly code: ScanErrorCode;
  readonly retryable = true;

  constructor(code: ScanErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ScanError";
    this.code = code;
  }
}
