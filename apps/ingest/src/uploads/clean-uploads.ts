import { expireUploads, failAbandonedOperations, receivingAmong, removeUnusedBlobs } from "@medley/storage";
import type { PartFiles } from "@medley/storage/part-files";
import type { IngestContext } from "../ingest-context.ts";

/** A worker reports every second; one that the machine or the database held up for minutes is still alive. */
const SILENT_MS = 300_000;

/**
 * Ends uploads that were not complete in time, and removes the files that nothing needs: the parts of uploads that have ended, and the blobs of
 * rejected uploads and deleted images, also where whoever should have removed them was killed. Operations of killed workers end as well.
 */
export async function cleanUploads(
  { db, blobs, thumbnails }: Pick<IngestContext, "db" | "blobs" | "thumbnails">,
  parts: PartFiles,
): Promise<void> {
  await failAbandonedOperations(db, { silentMs: SILENT_MS });
  await expireUploads(db);
  const uploadIds = await parts.list();
  const receiving = uploadIds.length === 0 ? new Set<string>() : await receivingAmong(db, uploadIds);
  for (const uploadId of uploadIds) if (!receiving.has(uploadId)) await parts.remove(uploadId);
  await removeUnusedBlobs(db, { blobs, thumbnails });
}
