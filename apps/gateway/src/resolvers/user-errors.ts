import { nameProblem, StorageError } from "@medley/storage";
import type { UserError, UserErrorCode } from "../generated/schema-types.ts";
import { UploadError, type UploadErrorCode } from "../uploads/upload-error.ts";

/** The one table from the codes of uploads to those of mutations. */
const UPLOAD_CODES: Readonly<Partial<Record<UploadErrorCode, UserErrorCode>>> = {
  NOT_FOUND: "NOT_FOUND",
  TOO_LARGE: "TOO_LARGE",
  INCOMPLETE: "INCOMPLETE",
  EXPIRED: "REJECTED",
  REJECTED: "REJECTED",
  EMPTY_FILE: "REJECTED",
  NOT_AN_IMAGE: "REJECTED",
  UNSUPPORTED_FORMAT: "REJECTED",
  TAKEN_OVER: "TRY_AGAIN",
  OVERLOADED: "TRY_AGAIN",
  STORAGE_FULL: "TRY_AGAIN",
};

export function userError(code: UserErrorCode, message: string, path: readonly string[]): UserError {
  return { code, message, path: [...path] };
}

/**
 * The result of a mutation's work beside an empty list of errors, or `nothing` beside what the caller can mend. Faults are thrown.
 * @param path the argument that names what the work is about
 */
export async function answered<Result extends object, Nothing extends object>(
  nothing: Nothing,
  path: readonly string[],
  work: () => Promise<Result>,
): Promise<(Result | Nothing) & { userErrors: UserError[] }> {
  try {
    return { ...(await work()), userErrors: [] };
  } catch (error) {
    return { ...nothing, userErrors: [mendable(error, path)] };
  }
}

/** Codes of storage that are named the same here. A conflict that goes away by itself is tried again before it comes here. */
const MENDABLE: ReadonlySet<string> = new Set(["NOT_FOUND", "INVALID_VALUE", "CONFLICT"]);

function mendable(error: unknown, path: readonly string[]): UserError {
  if (error instanceof MutationError) return error.userError;
  if (error instanceof StorageError && MENDABLE.has(error.code)) {
    return userError(error.code as UserErrorCode, error.message, path);
  }
  const code = error instanceof UploadError ? UPLOAD_CODES[error.code] : undefined;
  if (code === undefined || !(error instanceof UploadError)) throw error;
  return userError(code, error.message, path);
}

/** Thrown inside a mutation's work; never leaves it. */
class MutationError extends Error {
  readonly userError: UserError;
  constructor(error: UserError) {
    super(error.message);
    this.name = "MutationError";
    this.userError = error;
  }
}

/** Ends a mutation with something that its caller can mend. */
export function refuse(code: UserErrorCode, message: string, path: readonly string[]): never {
  throw new MutationError(userError(code, message, path));
}

/**
 * Text from people without white space around it; refused when it is empty, too long or cannot be kept as it is, and where it would break a line
 * of a report or, as a name, look like another one.
 */
export function requireText(
  text: string,
  path: readonly string[],
  { most, oneLine = false, visible = false }: { most: number; oneLine?: boolean; visible?: boolean },
): string {
  const trimmed = text.trim();
  const name = path.at(-1);
  if (trimmed === "") refuse("INVALID_VALUE", `${name} is empty, expected 1 to ${most} characters.`, path);
  if (trimmed.length > most) {
    refuse("INVALID_VALUE", `${name} has ${trimmed.length} characters, expected at most ${most}.`, path);
  }
  if (oneLine && /\p{Control}/u.test(trimmed)) {
    refuse("INVALID_VALUE", `${name} holds control characters such as line breaks, expected one line.`, path);
  }
  const problem = visible ? nameProblem(trimmed, most) : null;
  if (problem !== null) refuse("INVALID_VALUE", `${name} ${problem}.`, path);
  if (!trimmed.isWellFormed()) {
    refuse("INVALID_VALUE", `${name} holds half of a character (a lone surrogate), expected Unicode text.`, path);
  }
  if (trimmed.includes("\0")) refuse("INVALID_VALUE", `${name} holds U+0000, which no text can keep.`, path);
  return trimmed;
}
