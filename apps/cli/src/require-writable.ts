import { accessSync, constants, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CliError } from "./cli-error.ts";

/** A report that cannot be written must not be noticed after hours of work. */
export function requireWritable(report: string | undefined): void {
  if (report === undefined) return;
  const folder = dirname(resolve(report));
  try {
    accessSync(`${folder}/`, constants.W_OK); // the slash makes a file fail
  } catch (cause) {
    const reason = existsSync(folder)
      ? `"${folder}" is no folder that may be written`
      : `there is no folder "${folder}"`;
    throw new CliError("WRONG_USAGE", `The report "${report}" cannot be written: ${reason}.`, { exitCode: 2, cause });
  }
}
