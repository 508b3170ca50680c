import { claimUploads } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import type { Finding } from "../scan/finding.ts";

/** Origin of a picture that came without a name; no word of it tells anything of what is to be seen. */
const UNNAMED = "untitled";
/** As many as one transaction registers. */
const UPLOADS_PER_CLAIM = 16;
/** Decoding sixteen of the largest pictures takes some seconds; after a kill -9 the uploads of the dead worker wait this long. */
const LEASE_MS = 30_000;

/** The uploads of a corpus that are complete and not registered yet, oldest first, until there are none. */
export async function* findUploads(context: IngestContext, corpusId: string): AsyncGenerator<Finding> {
  for (;;) {
    const claim = { corpusId, limit: UPLOADS_PER_CLAIM, leaseMs: LEASE_MS };
    const claimed = await retryTransient(() => claimUploads(context.db, claim), context.retry);
    if (claimed.length === 0) return;
    for (const { uploadId, sha256, name, text, attributes } of claimed) {
      const path = name ?? UNNAMED;
      const upload = { uploadId, sha256 };
      yield { kind: "file", path, file: path, upload, attributes, ...(text !== null && { webText: text }) };
    }
  }
}
