import type { UserErrorCode } from "./generated/graphql.ts";

/** `extensions.code` of the server's errors; what each means is in the server's docs. */
export type ServerErrorCode =
  | "BAD_USER_INPUT"
  | "GRAPHQL_PARSE_FAILED"
  | "GRAPHQL_VALIDATION_FAILED"
  | "COST_EXCEEDED"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "OPERATION_NOT_LISTED"
  | "RATE_LIMITED"
  | "NOT_READY"
  | "SEARCH_EXPIRED"
  | "UNPROCESSABLE_IMAGE"
  | "OVERLOADED"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "INFERENCE_UNAVAILABLE"
  | "STORAGE_UNAVAILABLE"
  | "INTERNAL_SERVER_ERROR";

/** Why the address of an upload did not take bytes. */
export type UploadErrorCode =
  | "INVALID_TOKEN"
  | "EXPIRED"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "OFFSET_MISMATCH"
  | "TOO_LARGE"
  | "EMPTY_FILE"
  | "NOT_AN_IMAGE"
  | "UNSUPPORTED_FORMAT"
  | "REJECTED"
  | "TAKEN_OVER"
  | "OVERLOADED"
  | "STORAGE_FULL";

/** Nobody answered, or what answered is no Medley. */
export type TransportErrorCode = "UNREACHABLE" | "INVALID_REPLY";

/** Known codes by name; a newer server may have others. */
export type MedleyErrorCode = ServerErrorCode | UserErrorCode | UploadErrorCode | TransportErrorCode | (string & {});

/** One error of a GraphQL reply. */
export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: {
    readonly code?: string;
    readonly reason?: string;
    readonly retryable?: boolean;
  } & Readonly<Record<string, unknown>>;
}

/** A mistake that the caller can mend, as mutations return them. */
export interface UserError {
  readonly code: UserErrorCode;
  readonly message: string;
  /** Names of the argument and of the fields in it that are wrong. */
  readonly path: readonly string[];
}

/** Where an error comes from, with all that was said. */
export type ErrorOrigin =
  /** The reply has errors; `data` is what came beside them. `status` is null over a WebSocket. */
  | {
      readonly kind: "graphql";
      readonly status: number | null;
      readonly errors: readonly GraphqlError[];
      readonly data: unknown;
    }
  /** A mutation changed nothing, because something in its input is wrong. */
  | { readonly kind: "user"; readonly userErrors: readonly UserError[] }
  /** The address of an upload refused the bytes; `resumeUpload` goes on with `url` where `retryable` says so. */
  | { readonly kind: "upload"; readonly status: number; readonly url: string }
  /** No reply, or one that is not Medley's. */
  | { readonly kind: "transport"; readonly status: number | null };

/** Everything that this package throws, apart from the reason of an AbortSignal that fired. */
export class MedleyError extends Error {
  /** Stable cause, of the first error where there are several. */
  readonly code: MedleyErrorCode;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  readonly origin: ErrorOrigin;

  constructor(
    code: MedleyErrorCode,
    message: string,
    { retryable, origin, cause }: { retryable: boolean; origin: ErrorOrigin; cause?: unknown },
  ) {
    super(message, { cause });
    this.name = "MedleyError";
    this.code = code;
    this.retryable = retryable;
    this.origin = origin;
  }
}

/** The error of a reply with errors. */
export function graphqlError(errors: readonly GraphqlError[], status: number | null, data: unknown): MedleyError {
  const [first] = errors;
  const code = first?.extensions?.code ?? "INTERNAL_SERVER_ERROR";
  const message = first?.message ?? "The server named no reason.";
  const retryable = first?.extensions?.retryable ?? RETRYABLE.has(code);
  return new MedleyError(code, message, { retryable, origin: { kind: "graphql", status, errors, data } });
}

/** The payload of a mutation; throws its user errors where it has any. */
export function requireNoUserErrors<Payload extends { readonly userErrors: readonly UserError[] }>(
  payload: Payload,
): Payload {
  const [first] = payload.userErrors;
  if (first === undefined) return payload;
  const origin = { kind: "user", userErrors: payload.userErrors } as const;
  throw new MedleyError(first.code, first.message, { retryable: RETRYABLE.has(first.code), origin });
}

/** The error of a request that nobody answered. */
export function unreachable(url: string, cause: unknown): MedleyError {
  const message = `There is no answer from ${url}. Is Medley running there?`;
  return new MedleyError("UNREACHABLE", message, {
    retryable: true,
    origin: { kind: "transport", status: null },
    cause,
  });
}

/** The error of a reply that is not Medley's, such as a proxy's page. */
export function invalidReply(url: string, status: number, cause?: unknown): MedleyError {
  const message = `${url} answered with HTTP status ${status} and no JSON that Medley would send. Is the url right?`;
  const origin = { kind: "transport", status } as const;
  return new MedleyError("INVALID_REPLY", message, { retryable: status >= 502 && status <= 504, origin, cause });
}

/** For errors that do not say themselves whether trying again helps. */
const RETRYABLE: ReadonlySet<string> = new Set([
  "TRY_AGAIN",
  "TOO_MANY",
  "RATE_LIMITED",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "INFERENCE_UNAVAILABLE",
  "STORAGE_UNAVAILABLE",
]);
