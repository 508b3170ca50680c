import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./sealed-file.ts";
import { isUuid } from "./uuid.ts";

/** The bytes of uploads that are not complete yet, each in a file under the upload's id. */
export type PartFiles = {
  readonly pathOf: (uploadId: string) => string;
  /** 0 when there is none. */
  readonly sizeOf: (uploadId: string) => Promise<number>;
  /** Opens the file to write at `offset`; what lies behind is cut off. The caller closes it. */
  readonly openAt: (uploadId: string, offset: number) => Promise<FileHandle>;
  /** The first bytes, at most so many. */
  readonly readStart: (uploadId: string, bytes: number) => Promise<Buffer>;
  readonly remove: (uploadId: string) => Promise<void>;
  /** Ids of the uploads that have a file. */
  readonly list: () => Promise<string[]>;
};

const ENDING = ".part";

/** Opens the folder, which is created with the first file. */
export function openPartFiles({ directory }: { directory: string }): PartFiles {
  const pathOf = (uploadId: string) => {
    if (!isUuid(uploadId)) throw new Error(`Bug: "${uploadId}" is no id of an upload.`);
    return join(directory, `${uploadId.toLowerCase()}${ENDING}`);
  };
  return {
    pathOf,
    sizeOf: (uploadId) => stat(pathOf(uploadId)).then(({ size }) => size, ignoreMissing(0)),
    async openAt(uploadId, offset) {
      await mkdir(directory, { recursive: true });
      const path = pathOf(uploadId);
      const file = (await open(path, "r+").catch(ignoreMissing(null))) ?? (await open(path, "wx+"));
      try {
        await file.truncate(offset);
        return file;
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    async readStart(uploadId, bytes) {
      const file = await open(pathOf(uploadId), "r").catch(ignoreMissing(null));
      if (file === null) return Buffer.alloc(0);
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    remove: (uploadId) => rm(pathOf(uploadId), { force: true }),
    async list() {
      const names: string[] = await readdir(directory).catch(ignoreMissing([]));
      return names.flatMap((name) => (name.endsWith(ENDING) ? [name.slice(0, -ENDING.length)] : [])).filter(isUuid);
    },
  };
}

function ignoreMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return instead;
    throw error;
  };
}
