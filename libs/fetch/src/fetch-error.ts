/**
 * Why a picture was not fetched. Codes are stable and stand in reports; messages are for people.
 * URL_INVALID: no URL, or one with a user name or password. SCHEME_REFUSED: neither http nor https, or a redirect from https to http.
 * ADDRESS_REFUSED: the host is, or resolves to, an address that is not public. UNREACHABLE: no connection, or one that broke.
 * OPTED_OUT: the server asks machines not to use the picture.
 */
export type FetchErrorCode =
  | "URL_INVALID"
  | "SCHEME_REFUSED"
  | "ADDRESS_REFUSED"
  | "TOO_MANY_REDIRECTS"
  | "TOO_LARGE"
  | "TOO_SLOW"
  | "WRONG_TYPE"
  | "HTTP_STATUS"
  | "OPTED_OUT"
  | "UNREACHABLE"
  | "ABORTED";

export interface FetchErrorOptions {
  /** True where the same request may succeed later: overload, timeouts, broken connections. */
  readonly retryable?: boolean;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The one error class of this library. */
export class FetchError extends Error {
  readonly code: FetchErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: FetchErrorCode, message: string, options: FetchErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "FetchError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

const TEMPORARY_CODES = new Set(
  "ECONNRESET ECONNREFUSED ECONNABORTED EPIPE EHOSTUNREACH ENETUNREACH EAI_AGAIN UND_ERR_SOCKET".split(" "),
);
const TIMEOUT_CODES = new Set(
  "UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT ETIMEDOUT".split(" "),
);

/** What went wrong below HTTP, in words and with a code. A FetchError is given back as it is. */
export function connectionError(url: URL, error: unknown): FetchError {
  if (error instanceof FetchError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? error.message || code : String(error);
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return new FetchError("TOO_LARGE", `"${url.href}" answers with headers that are too long.`, { cause: error });
  }
  if (TIMEOUT_CODES.has(code)) {
    const sentence = `"${url.href}" does not answer in time (${message}). Try again later.`;
    return new FetchError("TOO_SLOW", sentence, { retryable: true, cause: error });
  }
  if (code === "ENOTFOUND") {
    const sentence = `There is no host "${url.hostname}", named by "${url.href}". Check the URL and the name server.`;
    return new FetchError("UNREACHABLE", sentence, { cause: error });
  }
  const sentence = `"${url.href}" cannot be fetched: ${message}.`;
  return new FetchError("UNREACHABLE", sentence, { retryable: TEMPORARY_CODES.has(code), cause: error });
}
