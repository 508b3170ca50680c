export type AccessErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "OPERATION_NOT_LISTED"
  | "RATE_LIMITED"
  | "MISCONFIGURED";

const STATUS: Readonly<Record<AccessErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  OPERATION_NOT_LISTED: 403,
  RATE_LIMITED: 429,
  MISCONFIGURED: 500,
};

/** A caller may not do what he asks for, or the gateway may not listen where it was told to. Messages are for the caller. */
export class AccessError extends Error {
  readonly code: AccessErrorCode;
  /** Status of an HTTP answer that is nothing but this error. */
  readonly status: number;
  readonly retryable: boolean;
  /** When trying again helps; only with RATE_LIMITED. */
  readonly retryAfterSeconds?: number;

  constructor(code: AccessErrorCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = "AccessError";
    this.code = code;
    this.status = STATUS[code];
    this.retryable = code === "RATE_LIMITED";
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
