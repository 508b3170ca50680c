import type { MedleyClient, RequestOptions } from "./client.ts";
import { invalidReply, MedleyError, requireNoUserErrors, unreachable } from "./errors.ts";
import { CreateUploadDocument, type CreateUploadInput, type UploadState } from "./generated/graphql.ts";

/** Tries without a new byte on the server after which an upload gives up. */
const FRUITLESS_TRIES = 5;
/** Doubles with every fruitless try. */
const FIRST_WAIT_MS = 200;

/** The bytes of a picture: a File of a browser, `await openAsBlob(path)` in Node, which reads while it sends, or bytes in memory. */
export type PictureBytes = Blob | Uint8Array<ArrayBuffer>;

export interface PictureToUpload extends Omit<CreateUploadInput, "sizeBytes"> {
  readonly bytes: PictureBytes;
}

/** What the server has of an upload whose bytes are all safe. */
export interface SentUpload {
  readonly id: string;
  readonly state: UploadState;
  readonly receivedBytes: number;
  readonly sha256: string | null;
  /** Null until the ingest worker has made a picture of it; `watchUpload` says when. */
  readonly imageId: string | null;
}

/**
 * Announces a picture and sends its bytes; resolves when the server has them all on disk. A connection that breaks is made again and goes on where
 * the server's bytes end. Rejects with MedleyError: `origin.kind` is "user" where the announcement was refused, "upload" where the bytes were.
 */
export async function uploadImage(
  client: MedleyClient,
  { bytes, ...announced }: PictureToUpload,
  options: RequestOptions = {},
): Promise<SentUpload> {
  const blob = asBlob(bytes);
  const input = { ...announced, sizeBytes: blob.size };
  const { createUpload } = await client.request(CreateUploadDocument, { input }, options);
  const { upload } = requireNoUserErrors(createUpload);
  if (upload?.url == null) throw invalidReply(`${client.url}/graphql`, 200);
  return await send(client, { url: upload.url, blob, offset: 0 }, options);
}

/** Goes on with an upload that was announced before, such as by a program that has ended since. `url` is `Upload.url`, or that behind the client's own. */
export async function resumeUpload(
  client: MedleyClient,
  { url, bytes }: { readonly url: string; readonly bytes: PictureBytes },
  options: RequestOptions = {},
): Promise<SentUpload> {
  const path = pathOf(client, url);
  const offset = await receivedBytes(client, path, options.signal);
  return await send(client, { url: path, blob: asBlob(bytes), offset }, options);
}

/** Upload.url is a path; who keeps addresses may have put it behind the server's. Bytes go to no other server. */
function pathOf(client: MedleyClient, url: string): string {
  const path = url.startsWith(`${client.url}/`) ? url.slice(client.url.length) : url;
  if (path.startsWith("/") && !path.startsWith("//")) return path;
  throw new TypeError(`url is "${url}", expected Upload.url such as "/uploads/TOKEN", or that behind "${client.url}".`);
}

interface Sending {
  readonly url: string;
  readonly blob: Blob;
  readonly offset: number;
}

async function send(client: MedleyClient, { url, blob, offset }: Sending, { signal }: RequestOptions) {
  let from = offset;
  for (let fruitless = 0; ; ) {
    try {
      return await put(client, { url, blob, offset: from }, signal);
    } catch (error) {
      if (!(error instanceof MedleyError) || !GOES_ON.has(error.code)) throw error;
      fruitless += 1;
      if (fruitless >= FRUITLESS_TRIES) throw error;
      await wait(FIRST_WAIT_MS * 2 ** (fruitless - 1), signal);
      const received = await receivedBytes(client, url, signal).catch(unlessUnreachable);
      if (received !== null && received > from) fruitless = 0;
      from = received ?? from;
    }
  }
}

/** After these the same bytes may be taken: the connection broke, the offset was not the server's, or it is busy. */
const GOES_ON: ReadonlySet<string> = new Set(["UNREACHABLE", "OFFSET_MISMATCH", "OVERLOADED"]);

async function put(client: MedleyClient, { url, blob, offset }: Sending, signal: AbortSignal | undefined) {
  const address = `${client.url}${url}`;
  const headers = { "upload-offset": String(offset) };
  const response = await call(client, address, { method: "PUT", headers, body: blob.slice(offset) }, signal);
  const reply = await response.json().catch((cause: unknown) => {
    throw signal?.aborted ? cause : invalidReply(address, response.status, cause);
  });
  if (response.ok) return reply as SentUpload;
  const { code, error, retryable } = reply as { code?: string; error?: string; retryable?: boolean };
  if (code === undefined) throw invalidReply(address, response.status);
  const origin = { kind: "upload", status: response.status, url } as const;
  throw new MedleyError(code, error ?? code, { retryable: retryable ?? false, origin });
}

async function receivedBytes(client: MedleyClient, url: string, signal: AbortSignal | undefined): Promise<number> {
  const address = `${client.url}${url}`;
  const response = await call(client, address, { method: "HEAD" }, signal);
  const offset = response.headers.get("upload-offset");
  if (response.ok && offset !== null) return Number(offset);
  const status = response.status;
  const code = { 403: "INVALID_TOKEN", 404: "NOT_FOUND", 410: "EXPIRED" }[status];
  if (code === undefined) throw invalidReply(address, status);
  const message = `The upload cannot go on: its address answered with HTTP status ${status}. Announce it again.`;
  throw new MedleyError(code, message, { retryable: false, origin: { kind: "upload", status, url } });
}

async function call(client: MedleyClient, address: string, init: RequestInit, signal: AbortSignal | undefined) {
  return await client.fetch(address, { ...init, signal: signal ?? null }).catch((cause: unknown) => {
    throw signal?.aborted ? cause : unreachable(address, cause);
  });
}

function unlessUnreachable(error: unknown): null {
  if (error instanceof MedleyError && error.code === "UNREACHABLE") return null;
  throw error;
}

function asBlob(bytes: PictureBytes): Blob {
  return bytes instanceof Blob ? bytes : new Blob([bytes]);
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
