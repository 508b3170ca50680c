export type StorageErrorCode =
  | "UNREACHABLE"
  | "EXTENSION_MISSING"
  | "MIGRATION"
  | "LOCKED"
  | "NOT_FOUND"
  | "CONFLICT"
  | "DIMENSION_MISMATCH"
  | "INVALID_VALUE"
  | "QUERY";

/** Every failure of this library. Repeat a call only when `retryable` is true; the message says what to do. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  readonly retryable: boolean;

  constructor(code: StorageErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "StorageError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Gives what the driver threw a code of ours. `where` names the database in the message. */
export function asStorageError(cause: unknown, where: string): StorageError {
  if (cause instanceof StorageError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const state = (cause as { code?: unknown } | null)?.code;
  if (isConnectionLoss(cause)) {
    return new StorageError("UNREACHABLE", `The connection to ${where} was lost: ${message}. Run the call again.`, {
      retryable: true,
      cause,
    });
  }
  if (state === "23505") return new StorageError("CONFLICT", message, { cause });
  if (state === "23503") return new StorageError("NOT_FOUND", message, { cause });
  if (state === "40001" || state === "40P01") return new StorageError("CONFLICT", message, { retryable: true, cause });
  if (typeof state === "string" && (state.startsWith("22") || state === "23514" || state === "23502")) {
    return new StorageError("INVALID_VALUE", message, { cause });
  }
  return new StorageError("QUERY", message, { cause });
}

const CONNECTION_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

/** True when the server is gone or going, so that the same call can succeed on a new connection. */
export function isConnectionLoss(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.some(isConnectionLoss);
  if (!(cause instanceof Error)) return false;
  const code = (cause as { code?: unknown }).code;
  if (typeof code === "string") {
    // 08: connection exceptions; 57P0x: shut down or not started yet; 53300: too many connections.
    return CONNECTION_CODES.has(code) || code.startsWith("08") || code.startsWith("57P0") || code === "53300";
  }
  return /Connection terminated|connection is not queryable|not queryable|timeout exceeded when trying/i.test(
    cause.message,
  );
}

const NOT_THERE = new Set(["ECONNREFUSED", "ENOENT", "ENOTFOUND", "ETIMEDOUT"]);

/** True when a server is there and restarts, as PostgreSQL does when one of its processes was killed: it refuses, or drops what it had accepted. */
export function isRestarting(cause: unknown): boolean {
  if (cause instanceof StorageError) return cause.code === "UNREACHABLE" && isRestarting(cause.cause);
  if (!(cause instanceof Error) || !isConnectionLoss(cause)) return false;
  const code = (cause as { code?: unknown }).code;
  // 53300: too many connections; waiting for others is no matter of seconds.
  if (typeof code === "string") return !NOT_THERE.has(code) && code !== "53300";
  return /Connection terminated/i.test(cause.message);
}
