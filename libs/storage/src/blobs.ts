import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, readdir, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BlobStore, StoredFile, VariantStore } from "./picture-stores.ts";
import { draftPath, isMissing, publish, sealFile } from "./sealed-file.ts";
import { StorageError } from "./storage-error.ts";

/** On disk each file has a path. */
export type DiskBlobStore = BlobStore & { readonly pathOf: (sha256: string) => string };
export type DiskVariantStore = VariantStore & { readonly pathOf: (sha256: string, variant: string) => string };

/** Opens the store in `directory`, which is created with the first blob. */
export function openBlobStore({ directory }: { directory: string }): DiskBlobStore {
  const pathOf = (sha256: string) => fannedPath(directory, sha256);
  const has = (sha256: string) => exists(pathOf(sha256));
  return {
    pathOf,
    placeOf: pathOf,
    has,
    find: (sha256) => findFile(pathOf(sha256)),
    remove: (sha256) => removeFile(pathOf(sha256)),
    async put(bytes) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      if (!(await isWhole(pathOf(sha256), bytes.length))) {
        await sealFile(directory, pathOf(sha256), [bytes], { durable: true });
      }
      return sha256;
    },
    putFile: (path) => putFile(directory, path),
    read: async (sha256) =>
      (await readIfPresent(pathOf(sha256))) ??
      Promise.reject(new StorageError("NOT_FOUND", `The blob store "${directory}" has no "${sha256}".`)),
  };
}

/** Copies first and hashes what it copied, so that a file changing meanwhile cannot be stored under a wrong name. */
async function putFile(directory: string, path: string): Promise<string> {
  const draft = await draftPath(directory);
  try {
    const hash = createHash("sha256");
    const copy = await open(draft, "wx");
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
        hash.update(chunk as Buffer);
        await copy.writeFile(chunk as Buffer);
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
    const sha256 = hash.digest("hex");
    const target = fannedPath(directory, sha256);
    if (!(await isWhole(target, (await stat(draft)).size))) await publish(draft, target, { durable: true });
    return sha256;
  } finally {
    await rm(draft, { force: true });
  }
}

/** @param variant  names size and format, for example "320.webp" */
export function openVariantStore({ directory }: { directory: string }): DiskVariantStore {
  const pathOf = (sha256: string, variant: string) => `${fannedPath(directory, sha256)}.${requireVariant(variant)}`;
  return {
    pathOf,
    write: (sha256, variant, bytes) => sealFile(directory, pathOf(sha256, variant), [bytes], { durable: false }),
    read: (sha256, variant) => readIfPresent(pathOf(sha256, variant)),
    has: (sha256, variant) => exists(pathOf(sha256, variant)),
    find: (sha256, variant) => findFile(pathOf(sha256, variant)),
    remove: (sha256, variant) => rm(pathOf(sha256, variant), { force: true }),
    removeAll: (sha256) => removeVariants(fannedPath(directory, sha256)),
  };
}

export function requireVariant(variant: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(variant)) return variant;
  throw new StorageError("INVALID_VALUE", `Variant "${variant}" must match [a-z0-9][a-z0-9._-]*.`);
}

/** Not `rm`, which hides why a file cannot be removed: it then takes it for a folder. */
async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

async function findFile(path: string): Promise<StoredFile | undefined> {
  try {
    const { size: sizeBytes } = await stat(path);
    return { sizeBytes, open: async () => createReadStream(path) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function removeVariants(stem: string): Promise<void> {
  const names: string[] = await readdir(dirname(stem)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const name of names.filter((each) => each.startsWith(`${basename(stem)}.`))) {
    await rm(join(dirname(stem), name), { force: true });
  }
}

/** Removes what killed writers left behind. `olderThanMs` must be longer than any write takes. Returns how many. */
export async function removeDrafts({
  directory,
  olderThanMs,
}: {
  directory: string;
  olderThanMs: number;
}): Promise<number> {
  const drafts = join(directory, "drafts");
  const names = await readdir(drafts).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  let removed = 0;
  for (const name of names) {
    const facts = await stat(join(drafts, name)).catch(() => undefined);
    if (!facts || Date.now() - facts.mtimeMs < olderThanMs) continue;
    await rm(join(drafts, name), { force: true });
    removed += 1;
  }
  return removed;
}

/** 65,536 folders, so that ten million files are about 150 each. Also keeps "../" out of every path. */
export function fannedPath(directory: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new StorageError("INVALID_VALUE", `"${sha256}" is not a sha256 of 64 lower-case hexadecimal digits.`);
  }
  return join(directory, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
}

/** One that something else has cut off is written again: its name says what belongs into it. */
async function isWhole(path: string, sizeBytes: number): Promise<boolean> {
  return (await findFile(path))?.sizeBytes === sizeBytes;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}
