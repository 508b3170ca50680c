export type CheckpointErrorCode =
  /** The path, or a shard that an index names, cannot be opened. */
  | "NOT_FOUND"
  /** The file ends before the bytes that it promises: usually an unfinished download. */
  | "TRUNCATED"
  /** The file contradicts itself or its format. */
  | "MALFORMED"
  /** A pickle asks for something that a checkpoint of tensors never needs. Nothing was run. */
  | "HOSTILE_PICKLE"
  /** A sound file in a form these readers do not take. */
  | "UNSUPPORTED"
  /** A number in the file is beyond a named limit. */
  | "TOO_LARGE";

/** Why a checkpoint was refused. Reading the same file again gives the same answer, so it is never retryable. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code: CheckpointErrorCode;
  readonly retryable = false;

  constructor(code: CheckpointErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
