import { expireUploads, receivingAmong, removeUnusedBlobs } from "@medley/storage";
import type { PartFiles } from "@medley/storage/part-files";
import type { IngestContext } from "../ingest-context.ts";

/**
 * Ends uploads that were not complete in time, and removes the files that nothing needs: the parts of uploads that have ended, and the blobs of
 * rejected uploads and deleted images, also where whoever should have removed them was killed.
 */
export async function cleanUploads(
  { db, blobs, thumbnails }: Pick<IngestContext, "db" | "blobs" | "thumbnails">,
  parts: PartFiles,
): Promise<void> {
  await expireUploads(db);
  const uploadIds = await parts.list();
  const receiving = uploadIds.length === 0 ? new Set<string>() : await receivingAmong(db, uploadIds);
  for (const uploadId of uploadIds) if (!receiving.has(uploadId)) await parts.remove(uploadId);
  await removeUnusedBlobs(db, { blobs, thumbnails });
}
