import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { MediaError, SNIFFED_BYTES, sniffFormat } from "@medley/media/image-format";
import {
  type Database,
  findUpload,
  lockBlobs,
  markStored,
  rejectUpload,
  suspectBlobs,
  type Upload,
} from "@medley/storage";
import type { BlobStore } from "@medley/storage/picture-stores";
import type { PartFiles } from "@medley/storage/part-files";
import { UploadError, type UploadErrorCode } from "./upload-error.ts";

export interface SealDependencies {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly parts: PartFiles;
}

/**
 * Makes a blob of the bytes that have come: file first, then row, then nothing is left to lose. Killed anywhere in between, the upload is
 * RECEIVING with all of its bytes, and asking again at the end of the file seals it.
 */
export async function sealUpload(
  dependencies: SealDependencies,
  { upload, writer, sizeBytes }: { upload: Upload; writer: string; sizeBytes: number },
): Promise<Upload> {
  const { db, blobs, parts } = dependencies;
  if (sizeBytes < SNIFFED_BYTES) await refuseOthers(dependencies, upload.id);
  const path = parts.pathOf(upload.id);
  const sha256 = await hashFile(path);
  for (;;) {
    // Noted before it is there: whoever is killed between blob and row leaves no file behind that nobody knows of.
    await suspectBlobs(db, [sha256]);
    if ((await blobs.putFile(path)) !== sha256) throw changedMeanwhile();
    const stored = await db.transaction(async (tx) => {
      await lockBlobs(tx, [sha256]);
      // Removed again already, because it was suspect and no row needed it.
      if (!(await blobs.has(sha256))) return "gone";
      return await markStored(tx, { uploadId: upload.id, writer, sha256 });
    });
    if (stored === "gone") continue;
    if (stored === null) throw await whyNotStored(db, upload.id);
    await parts.remove(upload.id);
    return stored;
  }
}

/** Refuses an upload for good whose first bytes are not those of a picture. Whether all of it decodes is seen when it is registered. */
export async function refuseOthers({ db, parts }: SealDependencies, uploadId: string): Promise<void> {
  try {
    sniffFormat(await parts.readStart(uploadId, SNIFFED_BYTES));
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    const { code, message } = error;
    await rejectUpload(db, { uploadId, code, message });
    await parts.remove(uploadId);
    throw new UploadError(code as UploadErrorCode & typeof code, message, { cause: error });
  }
}

/** The corpus of an upload may have been deleted while its bytes came. */
async function whyNotStored(db: Database, uploadId: string): Promise<UploadError> {
  const upload = await findUpload(db, uploadId);
  if (upload === null) return new UploadError("NOT_FOUND", `There is no upload "${uploadId}" any more. Create one.`);
  if (upload.state !== "REJECTED") return changedMeanwhile();
  return new UploadError("REJECTED", upload.errorMessage ?? "The upload was refused.");
}

function changedMeanwhile(): UploadError {
  return new UploadError("TAKEN_OVER", "Another request goes on with this upload. Ask with HEAD how far it is.");
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
