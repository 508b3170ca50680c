import createUploadDocument from "./documents/create-upload.graphql?raw";
import type { CreateUploadMutation } from "./generated/documents.ts";
import { RequestError, requestGraphql } from "./graphql-client.ts";

const TRIES = 4;
const FIRST_WAIT_MS = 500;
/** Between two looks at what has become of a picture; twice as long after each, up to the longest. */
const FIRST_LOOK_MS = 300;
const LONGEST_LOOK_MS = 5_000;

/** Announces a picture. Its bytes go to the address that is returned, which needs no key. */
export async function announcePicture(
  corpus: string,
  { name, size: sizeBytes }: File,
  signal: AbortSignal,
): Promise<string> {
  const variables = { input: { corpus, name, sizeBytes } };
  const { createUpload } = await requestGraphql<CreateUploadMutation>(createUploadDocument, variables, signal);
  const [problem] = createUpload.userErrors;
  if (problem !== undefined) throw new RequestError("REFUSED", problem.message);
  if (createUpload.upload?.url == null)
    throw new RequestError("UNKNOWN", "The server named no address for the picture.");
  return createUpload.upload.url;
}

/**
 * Sends the bytes, and goes on where the server's end after an interruption. Resolves when it has them all on disk.
 * @param onSent  told how many bytes of the picture have left so far
 * @throws RequestError with the server's code, such as NOT_AN_IMAGE, or UNREACHABLE
 */
export async function sendBytes(
  url: string,
  file: Blob,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0, tries = 1; ; tries += 1) {
    try {
      return await put(url, file, from, onSent, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RequestError) || !GOES_ON.has(error.code) || tries >= TRIES) throw error;
      await pause(FIRST_WAIT_MS * 2 ** (tries - 1), signal);
      const received = (await fetch(url, { method: "HEAD", signal }).catch(() => null))?.headers.get("upload-offset");
      if (received != null) from = Number(received);
    }
  }
}

/** After these the same bytes may be taken. */
const GOES_ON: ReadonlySet<string> = new Set(["UNREACHABLE", "OFFSET_MISMATCH", "OVERLOADED"]);

interface ServerAnswer {
  readonly state?: string;
  readonly error?: string | { readonly message?: string } | null;
  readonly code?: string;
}

/** By XMLHttpRequest, because `fetch` does not tell how much has left. */
function put(
  url: string,
  file: Blob,
  from: number,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = new XMLHttpRequest();
  const leave = () => request.abort();
  request.open("PUT", url);
  request.setRequestHeader("upload-offset", String(from));
  request.upload.onprogress = ({ loaded }) => onSent(from + loaded);
  request.onload = () => {
    if (request.status >= 200 && request.status < 300) return resolve();
    const { code, error } = readAnswer(request.responseText);
    reject(
      new RequestError(code ?? "UNKNOWN", textOf(error) ?? `The server answered with HTTP status ${request.status}.`),
    );
  };
  request.onerror = () => reject(new RequestError("UNREACHABLE", "The connection broke while the picture was sent."));
  request.onabort = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  request.send(file.slice(from));
  return promise.finally(() => signal.removeEventListener("abort", leave));
}

/**
 * Resolves when the server has made a picture of the bytes.
 * @throws RequestError where it never will
 */
export async function waitUntilAdded(url: string, signal: AbortSignal): Promise<void> {
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(LONGEST_LOOK_MS, 2 * waitMs)) {
    await pause(waitMs, signal);
    const response = await fetch(url, { signal }).catch(() => null);
    signal.throwIfAborted();
    // The server is away for a while; what it has of the picture it keeps.
    if (response === null || response.status >= 500) continue;
    const { state, error, code } = readAnswer(await response.text());
    if (state === "INGESTED") return;
    if (state === "REJECTED" || !response.ok) {
      throw new RequestError(code ?? "REJECTED", textOf(error) ?? "The server did not take the picture.");
    }
  }
}

function readAnswer(text: string): ServerAnswer {
  try {
    return (JSON.parse(text) as ServerAnswer | null) ?? {};
  } catch {
    return {};
  }
}

function textOf(error: ServerAnswer["error"]): string | null {
  return (typeof error === "string" ? error : error?.message) ?? null;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
