import { createPictureFetcher, defaultFetchPolicy, type FetchPolicy } from "@medley/fetch";
import type { SourceOptions } from "../scan/scan-source.ts";

/** Options for a test: pictures of this machine's servers are fetched, without waiting between tries. */
export function sourceOptions(changes: Partial<SourceOptions> = {}, policy: Partial<FetchPolicy> = {}): SourceOptions {
  const maxBytes = changes.maxBytes ?? 1_000_000;
  const allowedRanges = ["127.0.0.0/8"];
  const fetcher = createPictureFetcher({
    ...defaultFetchPolicy,
    maxBytes,
    allowedRanges,
    sleep: async () => {},
    ...policy,
  });
  return { maxBytes, fetcher, signal: new AbortController().signal, ...changes };
}
