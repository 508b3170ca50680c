import { InferenceError } from "@medley/inference-api";
import { SearchError } from "@medley/search";
import { StorageError } from "@medley/storage";
import { GraphQLError } from "graphql";
import { expect, test } from "vitest";
import { badUserInput, formatError, isFault } from "./errors.ts";

/** As the server hands errors over: wrapped, with the place they happened at. */
function format(originalError: Error) {
  const wrapped = new GraphQLError(originalError.message, { originalError, path: ["search"] });
  return formatError({ ...wrapped.toJSON(), extensions: { code: "INTERNAL_SERVER_ERROR" } }, wrapped);
}

test("gives known errors their code, their reason and whether trying again helps", () => {
  expect(format(new SearchError("CORPUS_NOT_FOUND", 'There is no corpus "x".'))).toEqual({
    message: 'There is no corpus "x".',
    path: ["search"],
    extensions: { code: "BAD_USER_INPUT", reason: "CORPUS_NOT_FOUND", retryable: false },
  });
  expect(format(new InferenceError("OVERLOADED", "Queue is full.")).extensions).toEqual({
    code: "OVERLOADED",
    reason: "OVERLOADED",
    retryable: true,
  });
});

test("keeps the words of the database from clients", () => {
  const lost = new StorageError("UNREACHABLE", "connection to 10.0.0.7 lost", { retryable: true });
  expect(format(lost)).toMatchObject({
    message: "The database does not answer at the moment. Try again later.",
    extensions: { code: "STORAGE_UNAVAILABLE", reason: "UNREACHABLE", retryable: true },
  });
  expect(format(new StorageError("QUERY", 'column "secret" does not exist')).message).not.toContain("secret");
});

test("shows nothing of errors that nobody foresaw, and calls them faults", () => {
  const formatted = format(new TypeError("cannot read /etc/passwd"));
  expect(JSON.stringify(formatted)).not.toContain("passwd");
  expect(formatted.extensions).toEqual({ code: "INTERNAL_SERVER_ERROR" });
  expect(isFault(formatted)).toBe(true);
});

test("leaves errors of the request as they are", () => {
  const error = badUserInput("first is 0");
  expect(formatError({ ...error.toJSON() }, error)).toMatchObject({ message: "first is 0" });
  expect(isFault(formatError({ ...error.toJSON() }, error))).toBe(false);
});
