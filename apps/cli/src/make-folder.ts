import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CliError } from "./cli-error.ts";

/**
 * Makes a folder and those above it. Node's own recursive mkdir tries for ever where a parent is there and makes no folders (Node 24.21, /proc).
 * Rejects with the error of the system.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST" && (await isFolder(path))) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(path);
  }
}

/** Makes the folder and writes a file there, which is removed again. Throws CliError NOT_WRITABLE with what to do. */
export async function requireWritableFolder(path: string, whatToDo: string): Promise<void> {
  const probe = join(path, `.written-by-${process.pid}`);
  try {
    await makeFolder(path);
    await writeFile(probe, "");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new CliError("NOT_WRITABLE", `"${path}" cannot be written (${code}). ${whatToDo}`, { cause });
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
