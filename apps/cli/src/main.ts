import { existsSync } from "node:fs";
import { readSettings, SettingsError } from "@medley/config";
import { CommanderError } from "commander";
import { CliError, errorRecord } from "./cli-error.ts";
import { note, writeRecord } from "./output.ts";
import { createProgram } from "./program.ts";

// Whoever reads the output has gone (| head): there is nobody left to write for.
process.stdout.on("error", () => process.exit(1));

process.exitCode = await main(process.argv.slice(2));

/** 0 on success, 2 on wrong usage, 1 when something went wrong. */
async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const finish = (code: number) => {
    exitCode = code;
  };
  try {
    if (existsSync(".env")) process.loadEnvFile(".env");
    await createProgram({ settings: readSettings(process.env), finish }).parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return await explain(error, args.includes("--json"));
  }
}

/** The sentence for people; with --json also a record where the output would have been. Returns the exit code. */
async function explain(error: unknown, json: boolean): Promise<number> {
  // commander has said what is wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const record = errorRecord(error);
  note(record.message);
  if (json) await writeRecord({ error: record });
  if (error instanceof SettingsError) return 2;
  return error instanceof CliError ? error.exitCode : 1;
}
