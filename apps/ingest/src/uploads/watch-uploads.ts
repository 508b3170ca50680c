import type { PartFiles } from "@medley/storage/part-files";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { cleanUploads } from "./clean-uploads.ts";
import { registerUploads, type UploadListener } from "./register-uploads.ts";

/** Between two looks: somebody is waiting for these pictures. */
const UPLOAD_INTERVAL_MS = 1_000;
/** Between two looks for uploads that have expired and files that nothing needs. */
const CLEANING_INTERVAL_MS = 60_000;

export interface WatchUploadsOptions extends UploadListener {
  /** Only uploads into this corpus; absent: into any. */
  readonly corpus?: string | undefined;
  readonly parts: PartFiles;
  /** Something was registered, and somebody should do its steps. */
  readonly onGained: () => void;
}

/** Registers uploads as they come until it is told to stop, beside whatever else is being done, and clears up after them. */
export async function watchUploads(context: IngestContext, options: WatchUploadsOptions): Promise<void> {
  let cleanAt = 0;
  while (!context.signal.aborted) {
    if (performance.now() >= cleanAt) {
      await retryTransient(() => cleanUploads(context, options.parts), context.retry);
      cleanAt = performance.now() + CLEANING_INTERVAL_MS;
    }
    if ((await registerUploads(context, options, options)).length > 0) options.onGained();
    await context.retry.sleep(UPLOAD_INTERVAL_MS, context.signal);
  }
}
