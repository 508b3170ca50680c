import { DatabaseSync } from "node:sqlite";

/**
 * Takes the one lock on a data directory, or returns undefined when another process still has it after `waitMs`.
 * PGlite has no lock of its own, and two processes on one directory destroy it. Node offers no flock(); SQLite, which
 * Node carries, takes the kernel's lock on a file, and the kernel drops it with its holder: kill -9 leaves nothing
 * stale, and there is no moment in which two processes can both think that they cleaned up after a third.
 */
export function lockDirectory(lockFile: string, waitMs: number): Disposable | undefined {
  const holder = new DatabaseSync(lockFile, { timeout: waitMs });
  try {
    holder.exec("begin exclusive");
  } catch (error) {
    holder.close();
    if (error instanceof Error && /locked/.test(error.message)) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => holder.close() };
}
