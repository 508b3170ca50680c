import type { PartFiles } from "@medley/storage/part-files";
import type { Bell } from "../bell.ts";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { cleanParts } from "./clean-uploads.ts";
import { registerUploads, type UploadListener } from "./register-uploads.ts";

/** Between two looks without a ring, for those that a killed worker had in hand. */
const UPLOAD_INTERVAL_MS = 15_000;
/** Between two looks for part files that nothing needs: they lie on the disk of this machine, so that nobody else clears them up. */
const CLEANING_INTERVAL_MS = 60_000;

export interface WatchUploadsOptions extends UploadListener {
  /** Only uploads into this corpus; absent: into any. */
  readonly corpus?: string | undefined;
  readonly parts: PartFiles;
  /** Rung when an upload may be complete. */
  readonly bell: Bell;
  /** These corpora gained pictures, and somebody should do their steps. */
  readonly onGained: (corpusIds: readonly string[]) => void;
}

/** Registers uploads as they come until it is told to stop, beside whatever else is being done, and clears up after them. */
export async function watchUploads(context: IngestContext, options: WatchUploadsOptions): Promise<void> {
  let cleanAt = 0;
  while (!context.signal.aborted) {
    if (performance.now() >= cleanAt) {
      await retryTransient(() => cleanParts(context, options.parts), context.retry);
      cleanAt = performance.now() + CLEANING_INTERVAL_MS;
    }
    const gained = await registerUploads(context, options, options);
    if (gained.length > 0) options.onGained(gained);
    await options.bell.wait(context.retry.sleep(UPLOAD_INTERVAL_MS, context.signal));
  }
}
