import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockDirectory } from "@medley/storage/directory-lock";
import { CliError } from "../cli-error.ts";
import { explainDisk } from "./sealed-output.ts";

const LOCK_NAME = "export-under-way.lock";

/** There while an export is under way, the second by SQLite, whose lock it is; what a killed export leaves of them locks nothing. */
export const LOCK_NAMES = [LOCK_NAME, `${LOCK_NAME}-journal`] as const;

/**
 * Keeps other exports out of a folder until it is disposed: two of them would seal each other's drafts and remove each other's shards.
 * @throws CliError FOLDER_LOCKED, NOT_WRITABLE
 */
export async function lockFolder(directory: string): Promise<AsyncDisposable> {
  const path = join(directory, LOCK_NAME);
  for (;;) {
    await explainDisk(path, () => writeFile(path, "", { flag: "a" }));
    const lock = lockDirectory(path, 0);
    if (!lock) {
      const message = `Another export writes into "${directory}". Wait for its end, or choose another folder.`;
      throw new CliError("FOLDER_LOCKED", message);
    }
    // The export before may have ended between the two, and taken away the file that is locked now.
    if (!existsSync(path)) {
      lock[Symbol.dispose]();
      continue;
    }
    return {
      async [Symbol.asyncDispose]() {
        await rm(path, { force: true });
        lock[Symbol.dispose]();
      },
    };
  }
}
