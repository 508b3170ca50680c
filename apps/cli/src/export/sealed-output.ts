import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { publish } from "@medley/storage/sealed-file";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";

/** A finished file of an export. */
export interface FileRecord {
  /** Path within the export, with slashes. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** SHA-256 over what a shard was made from; the same again need not be written again. */
  readonly contents?: string | undefined;
}

/** What a file is called until it is complete. */
export const DRAFT_ENDING = ".draft";
/** Small parts are collected up to this size before the disk is asked. */
const BUFFER_BYTES = 1 << 20;

/** A file that gets its name when it is complete and on the disk. What is disposed before that is removed. */
export class SealedOutput implements AsyncDisposable {
  readonly #path: string;
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #isOpen = true;

  private constructor(path: string, name: string, file: FileHandle) {
    this.#path = path;
    this.#name = name;
    this.#file = file;
  }

  static async open(directory: string, name: string): Promise<SealedOutput> {
    const path = join(directory, name);
    return await explainDisk(path, async () => {
      await makeFolder(dirname(path));
      return new SealedOutput(path, name, await open(`${path}${DRAFT_ENDING}`, "w"));
    });
  }

  async write(part: Uint8Array): Promise<void> {
    this.#hash.update(part);
    this.#bytes += part.byteLength;
    this.#waiting.push(part);
    this.#waitingBytes += part.byteLength;
    if (this.#waitingBytes >= BUFFER_BYTES) await this.#flush();
  }

  /** Completes the file and gives it its name, which survives a power loss. */
  async seal(): Promise<FileRecord> {
    await this.#flush();
    await explainDisk(this.#path, async () => {
      await this.#file.sync();
      await this.#file.close();
      this.#isOpen = false;
      await publish(`${this.#path}${DRAFT_ENDING}`, this.#path, { durable: true });
    });
    return { name: this.#name, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
    await rm(`${this.#path}${DRAFT_ENDING}`, { force: true });
  }

  async #flush(): Promise<void> {
    const parts = this.#waiting;
    [this.#waiting, this.#waitingBytes] = [[], 0];
    await explainDisk(this.#path, () => this.#file.writeFile(Buffer.concat(parts)));
  }
}

/** Writes a file at once. */
export async function writeSealed(directory: string, name: string, content: string | Uint8Array): Promise<FileRecord> {
  await using output = await SealedOutput.open(directory, name);
  await output.write(typeof content === "string" ? Buffer.from(content) : content);
  return await output.seal();
}

/** Gives a failure of the disk a sentence that says what to do. */
export async function explainDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw diskError(path, cause);
  }
}

export function diskError(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") {
    const message = `There is no space left for "${path}". Make room and give the same command again: finished shards are kept.`;
    return new CliError("DISK_FULL", message, { cause });
  }
  if (["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EISDIR", "EEXIST"].includes(code)) {
    return new CliError(
      "NOT_WRITABLE",
      `"${path}" cannot be written (${code}). Choose a folder that you may write to.`,
      {
        cause,
      },
    );
  }
  return cause;
}
