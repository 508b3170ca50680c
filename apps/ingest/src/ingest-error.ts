/** Why a file, a row or a whole run was refused. Codes are stable and stand in reports; messages are for people. */
export type IngestErrorCode =
  | "SOURCE_NOT_FOUND"
  | "SOURCE_UNSUPPORTED"
  | "EMPTY_SOURCE"
  | "INVALID_MANIFEST"
  | "INVALID_ROW"
  | "INVALID_ATTRIBUTE"
  | "FILE_NOT_FOUND"
  | "UNREADABLE"
  | "NOT_A_FILE"
  | "EMPTY_FILE"
  | "FILE_TOO_LARGE"
  | "INVALID_ARCHIVE"
  | "UNSAFE_NAME"
  | "NO_PICTURE"
  | "LINK_OUTSIDE"
  | "LINK_TO_FOLDER"
  | "CORPUS_DELETED"
  | "MODEL_MISSING"
  | "MODELS_CHANGED"
  | "UNAVAILABLE";

/** The one error class of this app; nothing that it names goes away by trying again. */
export class IngestError extends Error {
  readonly code: IngestErrorCode;
  readonly retryable = false;

  constructor(code: IngestErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "IngestError";
    this.code = code;
  }
}

/** Another process serves another model to this corpus now: going on would undo each other's work. */
export function modelsChanged(role: "captioner" | "filter", served: string): IngestError {
  const message = `The corpus has got another ${role} than "${served}", which is served here, from another process. Serve one model set, and run the same command again.`;
  return new IngestError("MODELS_CHANGED", message);
}

/** Nothing of the corpus is there any more, and it is not made anew by what happened to be on its way into it. */
export function corpusDeleted(corpus: string): IngestError {
  const message = `Corpus "${corpus}" was deleted meanwhile, with all that had come into it. Run the same command again to begin a new one.`;
  return new IngestError("CORPUS_DELETED", message);
}

/** What the file system said about a path, in words and with a code. */
export function fileError(path: string, error: unknown): IngestError {
  const reason = error instanceof Error && "code" in error ? String(error.code) : "";
  if (reason === "ENOENT" || reason === "ENOTDIR") {
    return new IngestError("FILE_NOT_FOUND", `There is no file "${path}".`, { cause: error });
  }
  if (reason === "ELOOP") {
    return new IngestError("LINK_TO_FOLDER", `"${path}" is a link that leads back to itself.`, { cause: error });
  }
  if (reason === "EACCES" || reason === "EPERM") {
    return new IngestError("UNREADABLE", `"${path}" may not be read. Give this user permission to read it.`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new IngestError("UNREADABLE", `"${path}" cannot be read: ${message}.`, { cause: error });
}
