import { isUtf8 } from "node:buffer";
import { StorageError } from "@medley/storage";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { AccessError } from "./access/access-error.ts";
import type { GatewayDependencies } from "./context.ts";
import { MAX_BODY_BYTES } from "./limits.ts";

/** Codes of answers that never reached GraphQL, by status. */
const CODES: Readonly<Record<number, string>> = {
  400: "BAD_REQUEST",
  413: "BODY_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  503: "STORAGE_UNAVAILABLE",
};

/** Reads JSON bodies of at most a megabyte. What is not UTF-8 is refused: a text with replaced characters is not what was asked. */
export function readJsonBody(): RequestHandler {
  return express.json({
    limit: MAX_BODY_BYTES,
    verify(_request, _response, body, charset) {
      if (charset === "utf-8" && !isUtf8(body)) throw new Error("The body is not UTF-8.");
    },
  });
}

/** Errors of HTTP itself as JSON with a code: a refused or malformed request says what is wrong, anything else is logged and masked. */
export function answerErrors({ log }: Pick<GatewayDependencies, "log">): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof AccessError) {
      const { code, message, retryable, retryAfterSeconds } = error;
      if (code === "UNAUTHENTICATED") response.set("WWW-Authenticate", 'Bearer realm="medley"');
      if (retryAfterSeconds !== undefined) response.set("Retry-After", String(retryAfterSeconds));
      response.status(error.status).json({ errors: [{ message, extensions: { code, retryable } }] });
      return;
    }
    const { status, message } = describe(error);
    if (status >= 500) log.error({ path: request.path, err: error }, "request failed");
    const code = CODES[status] ?? (status >= 500 ? "INTERNAL_SERVER_ERROR" : "BAD_REQUEST");
    response.status(status).json({ errors: [{ message, extensions: { code } }] });
  };
}

/** What body-parser and Express put into their errors. */
type HttpError = { [key in "message" | "type"]?: string } & { [key in "status" | "length" | "limit"]?: number } & {
  readonly expose?: boolean;
};

function describe(error: unknown): { status: number; message: string } {
  const { status = 500, message = "", expose, type, length, limit } = error as HttpError;
  if (type === "entity.verify.failed") return { status: 400, message };
  if (type === "entity.too.large") {
    // Without an announcement it was not read to its end.
    const size = length === undefined ? `more than ${limit}` : String(length);
    return { status, message: `The body has ${size} bytes, expected at most ${limit}. Divide what it asks.` };
  }
  if (error instanceof StorageError && error.retryable) {
    return { status: 503, message: "The database does not answer at the moment. Try again later." };
  }
  if (expose === true && status < 500) return { status, message };
  return { status, message: "The server failed on this request; its log has the cause." };
}
