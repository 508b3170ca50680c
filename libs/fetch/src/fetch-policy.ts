import { lookup } from "node:dns/promises";
import { setTimeout as wait } from "node:timers/promises";

/** All addresses of a host name, in the order in which they are tried. */
export type ResolveHost = (
  hostname: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** From whom, how much and how long is fetched. */
export interface FetchPolicy {
  /** CIDR ranges ("10.1.0.0/16", "::1/128") that are fetched from although they are not public. */
  readonly allowedRanges: readonly string[];
  /** Limit of a picture as it is sent, and again as it is decompressed. */
  readonly maxBytes: number;
  readonly maxRedirects: number;
  /** Limit of one try over all of its redirects, without the time spent waiting for a turn. */
  readonly totalTimeoutMs: number;
  /** Until a connection stands, and again until the headers of an answer are there. */
  readonly answerTimeoutMs: number;
  /** In each window of this length at least `minimumBytesPerWindow` of a picture arrive. */
  readonly paceWindowMs: number;
  readonly minimumBytesPerWindow: number;
  /** Requests at once to one host name, and to all. */
  readonly maxPerHost: number;
  readonly maxTotal: number;
  /** How often a URL is asked for, the first time included. */
  readonly maxTries: number;
  /** Wait before the second try; it doubles, and a random part of up to a half is taken off. */
  readonly firstWaitMs: number;
  /** A server that asks for a longer wait than this is not tried again in this run. */
  readonly longestWaitMs: number;
  readonly userAgent: string;
  readonly resolveHost: ResolveHost;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const defaultFetchPolicy: FetchPolicy = {
  allowedRanges: [],
  maxBytes: 67_108_864,
  maxRedirects: 5,
  totalTimeoutMs: 60_000,
  answerTimeoutMs: 15_000,
  paceWindowMs: 10_000,
  // 1 kB/s: slower than any connection that is still good for pictures.
  minimumBytesPerWindow: 10_000,
  maxPerHost: 4,
  maxTotal: 16,
  maxTries: 3,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  userAgent: "Medley/0.1.0 (self-hosted image-text search)",
  resolveHost: (hostname) => lookup(hostname, { all: true }),
  sleep: async (milliseconds, signal) => {
    await wait(milliseconds, undefined, { signal });
  },
};
