import { receivingAmong, removeUnusedBlobs } from "@medley/storage";
import type { PartFiles } from "@medley/storage/part-files";
import type { IngestContext } from "../ingest-context.ts";

/** Removes the parts of uploads that have ended from this machine. */
export async function cleanParts({ db }: Pick<IngestContext, "db">, parts: PartFiles): Promise<void> {
  const uploadIds = await parts.list();
  const receiving = uploadIds.length === 0 ? new Set<string>() : await receivingAmong(db, uploadIds);
  for (const uploadId of uploadIds) if (!receiving.has(uploadId)) await parts.remove(uploadId);
}

/** Removes the blobs of rejected uploads and deleted images, also where whoever should have removed them was killed. */
export async function cleanBlobs({
  db,
  blobs,
  thumbnails,
  tokens,
}: Pick<IngestContext, "db" | "blobs" | "thumbnails" | "tokens">): Promise<void> {
  await removeUnusedBlobs(db, { blobs, thumbnails, tokens });
}
