import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { SNIFFED_BYTES } from "@medley/media/image-format";
import { beginReceiving, findUpload, recordReceived, rejectUpload, type Upload } from "@medley/storage";
import { refuseOthers, sealUpload, type SealDependencies } from "./seal-upload.ts";
import { UploadError } from "./upload-error.ts";

export interface ReceiveDependencies extends SealDependencies {
  /** Bytes of the largest picture that is taken. */
  readonly maxUploadBytes: number;
}

export interface IncomingBytes {
  readonly uploadId: string;
  /** Where in the file they begin. */
  readonly offset: number;
  /** How many the sender has announced for this request; null: it did not say. */
  readonly length: number | null;
  /** Whether the file ends with them; where the upload's size was announced that decides instead. */
  readonly complete: boolean;
  readonly body: Readable;
}

/** After a kill -9 the sender has to repeat at most this much; each is one wait for the disk and one statement. */
const SAVE_EVERY_BYTES = 4 << 20;

/** Receives uploads in one process: of two requests for the same upload the later one wins, as a client that reconnects expects. */
export interface UploadReceiver {
  /** How many bytes of it are on disk for certain. */
  readonly receivedBytes: (upload: Upload) => Promise<number>;
  /** Takes bytes; resolves when they, or with the last of them the whole picture, are safe. Throws UploadError. */
  readonly receive: (incoming: IncomingBytes) => Promise<Upload>;
  /** Ends an upload with the bytes that have come. Throws UploadError. */
  readonly complete: (uploadId: string) => Promise<Upload>;
}

export function createUploadReceiver(dependencies: ReceiveDependencies): UploadReceiver {
  const running = new Map<string, { readonly interrupt: AbortController; readonly ended: Promise<unknown> }>();

  async function alone<T>(uploadId: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let other = running.get(uploadId); other; other = running.get(uploadId)) {
      other.interrupt.abort();
      await other.ended;
    }
    const interrupt = new AbortController();
    const result = work(interrupt.signal);
    const ended = result.catch(() => {}).then(() => running.delete(uploadId));
    running.set(uploadId, { interrupt, ended });
    return await result;
  }

  return {
    receivedBytes: (upload) => receivedBytesOf(dependencies, upload),
    receive: (incoming) => alone(incoming.uploadId, (signal) => receive(dependencies, incoming, signal)),
    complete: (uploadId) => alone(uploadId, () => complete(dependencies, uploadId)),
  };
}

async function receivedBytesOf({ parts }: ReceiveDependencies, upload: Upload): Promise<number> {
  // The file may have more, which is not certain to be on disk, and less where somebody emptied the folder.
  if (upload.state !== "RECEIVING") return upload.receivedBytes;
  return Math.min(upload.receivedBytes, await parts.sizeOf(upload.id));
}

async function receive(dependencies: ReceiveDependencies, incoming: IncomingBytes, signal: AbortSignal) {
  const { uploadId, offset } = incoming;
  const writer = randomUUID();
  const upload = await beginReceiving(dependencies.db, { uploadId, writer });
  if (upload === null) return answerEnded(dependencies, incoming);
  const receivedBytes = await receivedBytesOf(dependencies, upload);
  if (offset !== receivedBytes) throw offsetMismatch(offset, receivedBytes);
  const limit = upload.sizeBytes ?? dependencies.maxUploadBytes;
  if (offset + (incoming.length ?? 0) > limit) throw tooLarge(offset + (incoming.length ?? 0), upload, limit);
  const end = await writeBytes(dependencies, { ...incoming, upload, writer, limit, signal });
  const whole = upload.sizeBytes === null ? incoming.complete : end === upload.sizeBytes;
  if (whole) return await sealUpload(dependencies, { upload, writer, sizeBytes: end });
  return { ...upload, receivedBytes: end };
}

interface Writing extends IncomingBytes {
  readonly upload: Upload;
  readonly writer: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Writes the bytes behind those that are there. Whatever ends it, what came is kept and counted. Returns how many there are now. */
async function writeBytes(dependencies: ReceiveDependencies, writing: Writing): Promise<number> {
  const { uploadId, offset, upload, writer, limit, signal, body } = writing;
  const { db, parts } = dependencies;
  const file = await parts.openAt(uploadId, offset);
  let end = offset;
  let saved = offset;
  async function save(): Promise<void> {
    if (end === saved) return;
    await file.datasync();
    if (!(await recordReceived(db, { uploadId, writer, receivedBytes: end }))) throw takenOver();
    saved = end;
  }
  // Wakes a request whose sender has fallen silent; who sends nothing any more needs no answer either.
  const interrupt = () => void body.destroy(takenOver());
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    // Not destroyed when it is refused: the sender has to get the answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (end + chunk.length > limit) {
        const error = tooLarge(end + chunk.length, upload, limit);
        await rejectUpload(db, { uploadId, code: error.code, message: error.message });
        throw error;
      }
      await writeAll(file, chunk, end);
      const sniffed = end >= SNIFFED_BYTES;
      end += chunk.length;
      // Refused at its first kilobyte, not after 60 MB of it were sent.
      if (!sniffed && end >= SNIFFED_BYTES) await refuseOthers(dependencies, uploadId);
      if (end - saved >= SAVE_EVERY_BYTES) await save();
    }
    await save();
    return end;
  } catch (error) {
    await save().catch(() => {});
    throw asUploadError(error);
  } finally {
    signal.removeEventListener("abort", interrupt);
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await file.write(chunk, written, chunk.length - written, position + written)).bytesWritten;
  }
}

async function complete(dependencies: ReceiveDependencies, uploadId: string): Promise<Upload> {
  const writer = randomUUID();
  const upload = await beginReceiving(dependencies.db, { uploadId, writer });
  if (upload === null) return requireEnded(dependencies, uploadId);
  const sizeBytes = await receivedBytesOf(dependencies, upload);
  if (upload.sizeBytes !== null && sizeBytes < upload.sizeBytes) {
    const message = `Upload "${uploadId}" has ${sizeBytes} of ${upload.sizeBytes} bytes. Send the rest first.`;
    throw new UploadError("INCOMPLETE", message, { receivedBytes: sizeBytes });
  }
  // What is on disk behind the counted bytes was written by a process that was killed.
  await (await dependencies.parts.openAt(uploadId, sizeBytes)).close();
  if (!(await recordReceived(dependencies.db, { uploadId, writer, receivedBytes: sizeBytes }))) throw takenOver();
  return await sealUpload(dependencies, { upload, writer, sizeBytes });
}

/** A sender whose acknowledgement was lost may ask again at the end of the file; anything else comes too late. */
async function answerEnded(dependencies: ReceiveDependencies, incoming: IncomingBytes): Promise<Upload> {
  const upload = await requireEnded(dependencies, incoming.uploadId);
  if (incoming.offset !== upload.receivedBytes || (incoming.length ?? 1) > 0) {
    throw offsetMismatch(incoming.offset, upload.receivedBytes);
  }
  return upload;
}

/** An upload that is STORED or INGESTED; any other has an error to throw. */
async function requireEnded({ db }: ReceiveDependencies, uploadId: string): Promise<Upload> {
  const upload = await findUpload(db, uploadId);
  if (upload === null) throw new UploadError("NOT_FOUND", `There is no upload "${uploadId}". Create one.`);
  if (upload.state === "REJECTED") {
    throw new UploadError("REJECTED", `The upload was refused: ${upload.errorMessage} (${upload.errorCode})`);
  }
  if (upload.state === "RECEIVING") throw new UploadError("EXPIRED", "The upload has expired. Create another one.");
  return upload;
}

function offsetMismatch(offset: number, receivedBytes: number): UploadError {
  const message = `Upload-Offset is ${offset}, expected ${receivedBytes}: so many bytes have come. Go on from there.`;
  return new UploadError("OFFSET_MISMATCH", message, { receivedBytes });
}

function tooLarge(bytes: number, upload: Upload, limit: number): UploadError {
  const why = upload.sizeBytes === null ? "the largest picture has" : "this upload was created for";
  return new UploadError("TOO_LARGE", `The picture has at least ${bytes} bytes, but ${why} ${limit}.`);
}

function takenOver(): UploadError {
  return new UploadError("TAKEN_OVER", "Another request goes on with this upload. Ask with HEAD how far it is.");
}

function asUploadError(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException | null)?.code !== "ENOSPC") return error;
  return new UploadError("STORAGE_FULL", "The server's disk is full. Go on with this upload later.", { cause: error });
}
