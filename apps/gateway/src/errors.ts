import { InferenceError, type InferenceErrorCode } from "@medley/inference-api";
import { SearchError, type SearchErrorCode } from "@medley/search";
import { StorageError } from "@medley/storage";
import { type GraphQLFormattedError, GraphQLError } from "graphql";

/** Codes that clients see in `extensions.code`, besides those of the GraphQL server itself. */
export type GatewayErrorCode =
  | "BAD_USER_INPUT"
  | "NOT_READY"
  | "UNPROCESSABLE_IMAGE"
  | "OVERLOADED"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "INFERENCE_UNAVAILABLE"
  | "STORAGE_UNAVAILABLE"
  | "INTERNAL_SERVER_ERROR";

/** The one table from the codes of the libraries to those of GraphQL. */
const CODES: Readonly<Record<SearchErrorCode | InferenceErrorCode, GatewayErrorCode>> = {
  INVALID_QUERY: "BAD_USER_INPUT",
  CORPUS_NOT_FOUND: "BAD_USER_INPUT",
  IMAGE_NOT_FOUND: "BAD_USER_INPUT",
  INVALID_TEXT: "BAD_USER_INPUT",
  NO_ACTIVE_SPACE: "NOT_READY",
  MODEL_MISSING: "NOT_READY",
  MODEL_MISMATCH: "NOT_READY",
  MODEL_NOT_FOUND: "NOT_READY",
  UNSUPPORTED: "NOT_READY",
  INVALID_IMAGE: "UNPROCESSABLE_IMAGE",
  OVERLOADED: "OVERLOADED",
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  CANCELLED: "CANCELLED",
  ENGINE_FAILED: "INFERENCE_UNAVAILABLE",
  UNAVAILABLE: "INFERENCE_UNAVAILABLE",
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
]);

export function badUserInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" satisfies GatewayErrorCode } });
}

/** What a client sees of an error: known errors with their code and reason, anything else without its text. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  const place = { ...(formatted.locations && { locations: formatted.locations }), ...(formatted.path && { path: formatted.path }) };
  if (cause instanceof SearchError || cause instanceof InferenceError) {
    const extensions = { code: CODES[cause.code], reason: cause.code, retryable: cause.retryable };
    return { message: cause.message, ...place, extensions };
  }
  if (cause instanceof StorageError) return { ...storageError(cause), ...place };
  if (REQUEST_CODES.has(formatted.extensions?.["code"])) return { ...formatted };
  const code: GatewayErrorCode = "INTERNAL_SERVER_ERROR";
  return { message: "The server failed on this field; its log has the cause.", ...place, extensions: { code } };
}

/** Messages of the database can hold addresses and SQL: clients see the code only. */
function storageError(error: StorageError): GraphQLFormattedError {
  const code: GatewayErrorCode = error.retryable ? "STORAGE_UNAVAILABLE" : "INTERNAL_SERVER_ERROR";
  const message = error.retryable ? "The database cannot be reached at the moment." : "The database refused this query.";
  return { message, extensions: { code, reason: error.code, retryable: error.retryable } };
}

/** True for errors that the log should show with their cause, because the client does not see it. */
export function isFault(formatted: GraphQLFormattedError): boolean {
  const code = formatted.extensions?.["code"];
  return code === "INTERNAL_SERVER_ERROR" || code === "STORAGE_UNAVAILABLE" || code === "INFERENCE_UNAVAILABLE";
}
