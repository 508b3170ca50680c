import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import type { HubFile } from "./hub-model.ts";

export interface Download {
  readonly url: string;
  readonly headers: Record<string, string>;
  /** Where the file is to lie; what has come so far lies beside it with `.part` at its end. */
  readonly path: string;
  /** Size and digest that the content must have; absent where nobody knows them. */
  readonly expected?: Pick<HubFile, "sizeBytes" | "digest">;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** An attempt failed for this reason, and another one follows after the pause. */
  readonly onRetry?: (reason: string, pauseMs: number) => void;
  /** Waits between attempts, in milliseconds; their number bounds the attempts. */
  readonly pausesMs?: readonly number[];
  /** An attempt without a byte for so long is given up. */
  readonly stallMs?: number;
}

const PAUSES_MS = [1000, 2000, 5000, 10_000, 20_000];
const STALL_MS = 30_000;

/**
 * Downloads a file, goes on where an earlier attempt or run stopped, checks size and digest, and only then gives it its name. A file that
 * is there already and has the expected content is kept.
 * @returns the SHA-256 of the content, or git's digest where that is what was expected
 */
export async function downloadFile(download: Download): Promise<string> {
  const { path, expected } = download;
  if (
    expected &&
    (await sizeOf(path)) === expected.sizeBytes &&
    (await digestOf(path, expected)) === expected.digest.hex
  ) {
    download.onProgress?.(expected.sizeBytes, expected.sizeBytes);
    return expected.digest.hex;
  }
  const part = `${path}.part`;
  await fetchWithRetries(download, part);
  const found = await digestOf(part, expected);
  const size = await sizeOf(part);
  if (expected && (size !== expected.sizeBytes || found !== expected.digest.hex)) {
    await rm(part, { force: true });
    const wanted = `${expected.sizeBytes} bytes with digest ${expected.digest.hex}`;
    const message = `${download.url} gave ${size} bytes with digest ${found}, expected ${wanted}. Nothing of it was kept; try again.`;
    throw new CliError("CHECKSUM_MISMATCH", message);
  }
  await rename(part, path);
  return found;
}

async function fetchWithRetries(download: Download, part: string): Promise<void> {
  const pauses = [...(download.pausesMs ?? PAUSES_MS)];
  let answered = false;
  for (;;) {
    const before = (await sizeOf(part)) ?? 0;
    if (download.expected && before === download.expected.sizeBytes) return;
    try {
      return await fetchRest(download, part, () => {
        answered = true;
      });
    } catch (error) {
      if (error instanceof CliError) throw error;
      // A server that has answered may be starting again; an address that never did is most likely a wrong one.
      if (!answered && isNobody(error)) {
        const message = `${download.url} cannot be reached: ${reasonOf(error)}. Check the address and the connection.`;
        throw new CliError("DOWNLOAD_FAILED", message, { cause: error });
      }
      // What has come is kept, so an attempt that brought something does not count.
      const pause = ((await sizeOf(part)) ?? 0) > before ? (pauses[0] ?? 0) : pauses.shift();
      if (pause === undefined) {
        const message = `${download.url} broke off again and again: ${reasonOf(error)}. Run the same command to go on where it stopped.`;
        throw new CliError("DOWNLOAD_FAILED", message, { cause: error });
      }
      download.onRetry?.(reasonOf(error), pause);
      await wait(pause);
    }
  }
}

/** Nobody listens there, the name is unknown, or it is a port that fetch never asks. */
function isNobody(error: unknown): boolean {
  const { code, message } = ((error instanceof Error && error.cause) || {}) as { code?: string; message?: string };
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || message === "bad port";
}

/** fetch itself says no more than "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

/** One attempt. Throws CliError when another one is of no use. */
async function fetchRest(
  { url, headers, stallMs = STALL_MS, ...download }: Download,
  part: string,
  onAnswer: () => void,
): Promise<void> {
  const start = (await sizeOf(part)) ?? 0;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(new Error(`no byte for ${stallMs / 1000} s`)), stallMs);
  try {
    const range: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
    const response = await fetch(url, {
      headers: { ...headers, "accept-encoding": "identity", ...range },
      signal: giveUp.signal,
    });
    onAnswer();
    if (response.status === 416) {
      await rm(part, { force: true });
      throw new Error("the server refused to go on, so it starts again");
    }
    if (!response.ok || response.body === null) throw refusal(url, response.status);
    const resumed = response.status === 206;
    let done = resumed ? start : 0;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = download.expected?.sizeBytes ?? (Number.isFinite(length) ? done + length : 0);
    await using file = await open(part, resumed ? "a" : "w");
    for await (const chunk of response.body) {
      timer.refresh();
      await append(file, chunk);
      done += chunk.length;
      if (download.expected && done > download.expected.sizeBytes) break; // the digest will say what is wrong
      download.onProgress?.(done, total);
    }
    await file.sync();
    if (done < total) throw new Error(`the connection closed after ${done} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

function refusal(url: string, status: number): Error {
  if (status === 429 || status >= 500) return new Error(`status ${status}`);
  return new CliError("DOWNLOAD_REFUSED", `${url} answered with status ${status}.`);
}

async function append(file: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(
      "DISK_FAILED",
      `The download cannot be written: ${message}. Make room and run the command again.`,
      {
        cause: error,
      },
    );
  }
}

async function digestOf(path: string, expected: Download["expected"]): Promise<string> {
  const hash: Hash = createHash(expected?.digest.kind === "git" ? "sha1" : "sha256");
  if (expected?.digest.kind === "git") hash.update(`blob ${await sizeOf(path)}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
