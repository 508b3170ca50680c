import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** True for a failure that only says that the file is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "ENOENT";
}

/** A name for a file that is still being written, in a folder that readers never look into. */
export async function draftPath(directory: string): Promise<string> {
  const drafts = join(directory, "drafts");
  await mkdir(drafts, { recursive: true });
  return join(drafts, `${process.pid}-${randomUUID()}`);
}

/** Writes the whole file or nothing under its final name. `durable` waits for the disk as well (power loss). */
export async function sealFile(
  directory: string,
  path: string,
  parts: readonly Uint8Array[],
  { durable }: { durable: boolean },
): Promise<void> {
  const draft = await draftPath(directory);
  try {
    const file = await open(draft, "wx");
    try {
      for (const part of parts) await file.writeFile(part);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await publish(draft, path, { durable });
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Gives a finished draft its final name. On the same file system this is one step: a reader sees all of it or nothing. */
export async function publish(draft: string, path: string, { durable }: { durable: boolean }): Promise<void> {
  const folder = dirname(path);
  const firstCreated = await mkdir(folder, { recursive: true });
  await rename(draft, path);
  if (!durable) return;
  await syncDirectory(folder);
  // New folders must survive as well: each is an entry of the one above it.
  for (let created = folder; firstCreated && created.length >= firstCreated.length; created = dirname(created)) {
    await syncDirectory(dirname(created));
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
