import { InferenceError, type InferenceErrorCode } from "@medley/inference-api";
import { SearchError, type SearchErrorCode } from "@medley/search";
import { StorageError, type StorageErrorCode } from "@medley/storage";
import { traceFields } from "@medley/tracing";
import { AccessError, type AccessErrorCode } from "./access/access-error.ts";
import { type GraphQLFormattedError, GraphQLError } from "graphql";

/** Codes that clients see in `extensions.code`, besides those of the GraphQL server itself. */
export type GatewayErrorCode =
  | AccessErrorCode
  | "BAD_USER_INPUT"
  | "COST_EXCEEDED"
  | "NOT_READY"
  | "SEARCH_EXPIRED"
  | "UNPROCESSABLE_IMAGE"
  | "OVERLOADED"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "INFERENCE_UNAVAILABLE"
  | "STORAGE_UNAVAILABLE"
  | "INTERNAL_SERVER_ERROR";

/** The one table from the codes of the libraries to those of GraphQL. */
const CODES: Readonly<Record<SearchErrorCode | InferenceErrorCode | StorageErrorCode, GatewayErrorCode>> = {
  INVALID_QUERY: "BAD_USER_INPUT",
  CORPUS_NOT_FOUND: "BAD_USER_INPUT",
  IMAGE_NOT_FOUND: "BAD_USER_INPUT",
  PICTURE_NOT_FETCHED: "BAD_USER_INPUT",
  SEARCH_EXPIRED: "SEARCH_EXPIRED",
  INVALID_TEXT: "BAD_USER_INPUT",
  WORD_NOT_IN_TEXT: "BAD_USER_INPUT",
  NO_ACTIVE_SPACE: "NOT_READY",
  MODEL_MISSING: "NOT_READY",
  MODEL_MISMATCH: "NOT_READY",
  MODEL_NOT_FOUND: "NOT_READY",
  TOO_FEW_TEXTS: "NOT_READY",
  NOT_SEPARABLE: "NOT_READY",
  UNSUPPORTED: "NOT_READY",
  INVALID_IMAGE: "UNPROCESSABLE_IMAGE",
  OVERLOADED: "OVERLOADED",
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  CANCELLED: "CANCELLED",
  ENGINE_FAILED: "INFERENCE_UNAVAILABLE",
  UNAVAILABLE: "INFERENCE_UNAVAILABLE",
  INVALID_VALUE: "BAD_USER_INPUT",
  NOT_FOUND: "BAD_USER_INPUT",
  DIMENSION_MISMATCH: "NOT_READY",
  UNREACHABLE: "STORAGE_UNAVAILABLE",
  LOCKED: "STORAGE_UNAVAILABLE",
  MIGRATION: "STORAGE_UNAVAILABLE",
  EXTENSION_MISSING: "STORAGE_UNAVAILABLE",
  CONFLICT: "INTERNAL_SERVER_ERROR",
  QUERY: "INTERNAL_SERVER_ERROR",
};

/** Codes that the GraphQL server gives to errors of the request itself; their messages name no internals. */
const REQUEST_CODES: ReadonlySet<unknown> = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
  "BAD_USER_INPUT",
  "BAD_REQUEST",
  "COST_EXCEEDED",
]);

/** Messages quote what they refuse, and a client may have sent a megabyte of it. */
const LONGEST_MESSAGE = 2000;

export function badUserInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" satisfies GatewayErrorCode } });
}

/** What a client sees of an error: known errors with their code and reason, anything else without its text. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const shown = withTrace(translateError(formatted, error));
  if (shown.message.length <= LONGEST_MESSAGE) return shown;
  return { ...shown, message: `${shown.message.slice(0, LONGEST_MESSAGE)}... (${shown.message.length} characters)` };
}

/** Suggestions tell names of the schema, as introspection does. */
export function withoutSuggestion(message: string): string {
  return message.replace(/\s*Did you mean.*$/s, "");
}

/** Where the client sees no cause, it can name the trace that leads an operator to it. */
function withTrace(shown: GraphQLFormattedError): GraphQLFormattedError {
  const { trace_id: traceId } = traceFields();
  if (traceId === undefined || !isFault(shown)) return shown;
  return { ...shown, extensions: { ...shown.extensions, traceId } };
}

function translateError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const cause = causeOf(error);
  const place = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  if (cause instanceof SearchError || cause instanceof InferenceError || cause instanceof StorageError) {
    const extensions = { code: CODES[cause.code], reason: cause.code, retryable: cause.retryable };
    return { message: messageFor(cause, extensions.code), ...place, extensions };
  }
  if (cause instanceof AccessError) {
    return { message: cause.message, ...place, extensions: { code: cause.code, retryable: cause.retryable } };
  }
  if (REQUEST_CODES.has(formatted.extensions?.["code"])) return { ...formatted };
  // What graphql-js itself says of arguments and variables when it executes: null in the place of a value, or a value of another type.
  if (cause instanceof Error && /^(Argument "\w+" (of|has)|Variable "\$\w+" (of|got)) /.test(cause.message)) {
    return { message: cause.message, ...place, extensions: { code: "BAD_USER_INPUT" } };
  }
  if (isRefusedRequest(error)) return { message: formatted.message, extensions: { code: "BAD_REQUEST" } };
  const code: GatewayErrorCode = "INTERNAL_SERVER_ERROR";
  return { message: "The server failed on this field; its log has the cause.", ...place, extensions: { code } };
}

/** The GraphQL server gives some refusals a status and no code, such as that of a hash which is not that of its operation. No resolver's error has a status. */
function isRefusedRequest(error: unknown): boolean {
  const { path, extensions } = (error ?? {}) as { path?: unknown; extensions?: { http?: { status?: unknown } } };
  return path === undefined && extensions?.http?.status === 400;
}

/** What a resolver threw. By its member, not by its class: a process may hold two copies of graphql-js (CommonJS and ESM). */
export function causeOf(error: unknown): unknown {
  return (error as { originalError?: unknown } | null)?.originalError ?? error;
}

/** Messages of the database can hold addresses and SQL: where the client is not to blame it sees the code only. */
function messageFor(cause: SearchError | InferenceError | StorageError, code: GatewayErrorCode): string {
  if (!(cause instanceof StorageError) || code === "BAD_USER_INPUT" || code === "NOT_READY") return cause.message;
  if (code === "STORAGE_UNAVAILABLE") return "The database does not answer at the moment. Try again later.";
  return "The database refused this query; the server's log has the cause.";
}

/** True for errors that the log should show with their cause, because the client does not see it. */
export function isFault(formatted: GraphQLFormattedError): boolean {
  const code = formatted.extensions?.["code"];
  return code === "INTERNAL_SERVER_ERROR" || code === "STORAGE_UNAVAILABLE" || code === "INFERENCE_UNAVAILABLE";
}
