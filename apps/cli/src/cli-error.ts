/** Ends a command with one clear sentence: exit code 2 for wrong usage, 1 for anything that went wrong on the way. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
}

/** Code and sentence of anything that was thrown; the error classes of all libraries have a `code`. */
export function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof Error)) return { code: "FAILED", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : "FAILED";
  return { code, message: error.message };
}
