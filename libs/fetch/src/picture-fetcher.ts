import type { Readable } from "node:stream";
import { Agent } from "undici";
import { parseRanges } from "./address-rule.ts";
import { connectionError, FetchError } from "./fetch-error.ts";
import type { FetchPolicy } from "./fetch-policy.ts";
import { createGuardedConnector } from "./guarded-connector.ts";
import { createHostSlots } from "./host-slots.ts";
import { followRedirect, parsePictureUrl } from "./picture-url.ts";
import { readBody } from "./read-body.ts";
import {
  contentEncoding,
  mediaType,
  type ResponseHeaders,
  refuseLength,
  refuseOptedOut,
  refuseStatus,
  refuseType,
  single,
} from "./response-rules.ts";

export interface FetchedPicture {
  /** Decompressed; nobody has looked whether they are a picture. */
  readonly bytes: Buffer;
  /** What the server calls them, in lower case and without parameters; null where it says nothing. */
  readonly contentType: string | null;
  /** After all redirects. */
  readonly finalUrl: string;
  /** Tries that it took, from 1. */
  readonly tries: number;
}

export interface PictureFetcher extends AsyncDisposable {
  /** Rejects with a FetchError and with nothing else; ABORTED when the signal fires. */
  fetch(url: string, options: { readonly signal: AbortSignal }): Promise<FetchedPicture>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

/** Enough for long cookies and policies, which nobody here reads. */
const MAX_HEADER_BYTES = 16_384;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches pictures from URLs that nobody vouches for: only from public addresses (and the allowed ranges), checked for every
 * connection; within limits of size, time and pace; a few requests at once to one host. What may go away is tried again.
 * @throws RangeError when an allowed range is none
 */
export function createPictureFetcher(policy: FetchPolicy): PictureFetcher {
  const agent = new Agent({
    connect: createGuardedConnector({
      allowed: parseRanges(policy.allowedRanges),
      resolveHost: policy.resolveHost,
      timeoutMs: policy.answerTimeoutMs,
    }),
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: policy.answerTimeoutMs,
    // readBody watches the pace, which a pause between two bytes does not tell.
    bodyTimeout: 0,
  });
  const slots = createHostSlots(policy);

  async function tryOnce(start: URL, signal: AbortSignal): Promise<Omit<FetchedPicture, "tries">> {
    const passed = [start];
    let remainingMs = policy.totalTimeoutMs;
    for (let url = start; ; passed.push(url)) {
      using _slot = await slots.take(url.hostname, signal);
      const startedAt = performance.now();
      using deadline = startDeadline(start, remainingMs, policy.totalTimeoutMs);
      const hop = await ask(url, AbortSignal.any([signal, deadline.signal]));
      if (hop.kind === "picture") return hop.picture;
      remainingMs -= performance.now() - startedAt;
      url = followRedirect(passed, hop.location, policy.maxRedirects);
    }
  }

  /** One request and its answer. */
  async function ask(url: URL, signal: AbortSignal) {
    let body: Readable | undefined;
    try {
      const response = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: "GET",
        headers: { "user-agent": policy.userAgent, accept: "image/*,*/*;q=0.1", "accept-encoding": "identity" },
        signal,
      });
      body = response.body;
      // Destroying an unread body is an error of the stream, which nobody else listens to.
      body.on("error", () => {});
      const headers: ResponseHeaders = response.headers;
      const location = single(headers.location);
      if (REDIRECTS.has(response.statusCode) && location !== undefined) return { kind: "redirect", location } as const;
      const refused =
        refuseStatus(url, response.statusCode, headers) ??
        refuseOptedOut(url, headers) ??
        refuseType(url, headers) ??
        refuseLength(url, headers, policy.maxBytes);
      if (refused) throw refused;
      const bytes = await readBody(body, { ...policy, url, encoding: contentEncoding(headers), signal });
      const picture = { bytes, contentType: mediaType(headers), finalUrl: url.href };
      return { kind: "picture", picture } as const;
    } catch (error) {
      throw signal.aborted ? signal.reason : connectionError(url, error);
    } finally {
      body?.destroy();
    }
  }

  return {
    async fetch(text, { signal }) {
      const url = parsePictureUrl(text);
      for (let tries = 1; ; tries += 1) {
        try {
          return { ...(await tryOnce(url, signal)), tries };
        } catch (error) {
          if (signal.aborted) throw abortedError(url, signal);
          if (!(error instanceof FetchError)) throw error;
          const waitMs = waitBeforeNextTry(error, tries, policy);
          if (waitMs === undefined) throw error;
          await policy.sleep(waitMs, signal).catch(() => {});
          if (signal.aborted) throw abortedError(url, signal);
        }
      }
    },
    close: () => agent.destroy(),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

/** Undefined: the error is given to the caller. */
function waitBeforeNextTry(error: FetchError, tries: number, policy: FetchPolicy): number | undefined {
  const askedMs = error.retryAfterMs ?? 0;
  if (!error.retryable || tries >= policy.maxTries || askedMs > policy.longestWaitMs) return undefined;
  const backoffMs = Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** (tries - 1));
  return Math.max(askedMs, backoffMs * (1 - Math.random() / 2));
}

function startDeadline(url: URL, remainingMs: number, totalMs: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const message = `"${url.href}" is not there after ${totalMs / 1000} s, the limit. Try again later.`;
    controller.abort(new FetchError("TOO_SLOW", message, { retryable: true }));
  }, remainingMs);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

function abortedError(url: URL, signal: AbortSignal): FetchError {
  const options = { retryable: true, cause: signal.reason };
  return new FetchError("ABORTED", `Fetching "${url.href}" was given up before its end.`, options);
}
