import { FetchError, type PictureFetcher } from "@medley/fetch";
import { mapInOrder } from "../map-in-order.ts";
import type { Finding, FoundUrl } from "./finding.ts";

/**
 * URLs under way at once, those included whose picture waits for its turn in the order. So at most this many pictures of MEDLEY_MAX_BYTES
 * lie in memory here.
 */
const CONCURRENT_FETCHES = 16;

/**
 * Fetches what a manifest names by URL and hands the rest through, in the order of the rows. What cannot be fetched is a rejection.
 * Ends early when the signal fires; when whoever reads the findings stops, requests under way are given up.
 */
export async function* fetchPictures(
  findings: AsyncIterable<Finding | FoundUrl>,
  fetcher: PictureFetcher,
  outer: AbortSignal,
): AsyncGenerator<Finding> {
  const left = new AbortController();
  const signal = AbortSignal.any([outer, left.signal]);
  const fetchOne = (finding: Finding | FoundUrl) => fetchFinding(finding, fetcher, signal);
  for await (const finding of mapInOrder(findings, CONCURRENT_FETCHES, fetchOne)) {
    if (finding === "stopped") return;
    let isRead = false;
    try {
      yield finding;
      isRead = true;
    } finally {
      // Before mapInOrder waits for what it has begun.
      if (!isRead) left.abort();
    }
  }
}

async function fetchFinding(
  finding: Finding | FoundUrl,
  fetcher: PictureFetcher,
  signal: AbortSignal,
): Promise<Finding | "stopped"> {
  if (finding.kind !== "url") return finding;
  const { url, ...found } = finding;
  try {
    const { bytes } = await fetcher.fetch(url, { signal });
    return { ...found, kind: "file", bytes };
  } catch (error) {
    if (signal.aborted) return "stopped";
    if (!(error instanceof FetchError)) throw error;
    return { kind: "rejected", path: found.path, file: found.file, error };
  }
}
