import { createReadStream } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "@medley/media";
import type { BlobStore } from "@medley/storage/picture-stores";
import { extract } from "tar-stream";
import { explainDisk } from "../export/sealed-output.ts";
import { CliError } from "../cli-error.ts";

/** Puts the pictures of a shard into the blob store; one that is there but was cut off is written again. Returns how many were added. */
export async function restorePictures(directory: string, shard: string, blobs: BlobStore): Promise<number> {
  const path = join(directory, shard);
  const unpack = extract();
  const source = createReadStream(path);
  source.once("error", (error) => unpack.destroy(error));
  source.pipe(unpack);
  let added = 0;
  try {
    for await (const entry of unpack) {
      // The bytes name the picture; neither the member's name nor what is said about it does.
      if (/\.(txt|json)$/.test(entry.header.name)) entry.resume();
      else added += (await restore(blobs, await bytesOf(entry))) ? 1 : 0;
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError("DAMAGED_FILE", `"${path}" cannot be read as a tar archive: ${reason}. Export again.`, {
      cause,
    });
  } finally {
    source.destroy();
  }
  return added;
}

async function restore(blobs: BlobStore, bytes: Buffer): Promise<boolean> {
  const sha256 = sha256Hex(bytes);
  const known = await blobs.has(sha256);
  await explainDisk(blobs.placeOf(sha256), () => blobs.put(bytes));
  return !known;
}

async function bytesOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
