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
  /** Embeds what is registered in a corpus, so that a search finds it. */
  readonly embed: (corpus: string) => Promise<void>;
}

/**
 * Registers uploads as they come until it is told to stop, and has them embedded beside whatever else is being done: a picture that somebody has just
 * sent is found although the captions of a large corpus take hours.
 */
export async function watchUploads(context: IngestContext, options: WatchUploadsOptions): Promise<void> {
  const { parts, embed } = options;
  const waiting = new Set<string>();
  const embedding = new Map<string, Promise<void>>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let cleanAt = 0;
  try {
    while (!context.signal.aborted) {
      if (performance.now() >= cleanAt) {
        await retryTransient(() => cleanUploads(context, parts), context.retry);
        cleanAt = performance.now() + CLEANING_INTERVAL_MS;
      }
      for (const corpus of await registerUploads(context, options, options)) waiting.add(corpus);
      for (const corpus of waiting) {
        // One at a time for each corpus; what came after it looked for the last time waits for the next.
        if (embedding.has(corpus) || context.signal.aborted) continue;
        waiting.delete(corpus);
        const run = embed(corpus).catch(failed.reject);
        embedding.set(
          corpus,
          run.finally(() => embedding.delete(corpus)),
        );
      }
      await Promise.race([context.retry.sleep(UPLOAD_INTERVAL_MS, context.signal), failed.promise]);
    }
  } finally {
    await Promise.all(embedding.values());
  }
}
