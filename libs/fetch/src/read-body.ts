import type { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { FetchError } from "./fetch-error.ts";
import type { FetchPolicy } from "./fetch-policy.ts";

export interface BodyOptions extends Pick<FetchPolicy, "maxBytes" | "paceWindowMs" | "minimumBytesPerWindow"> {
  readonly url: URL;
  /** Content-Encoding; undefined where the body is the picture. */
  readonly encoding: string | undefined;
  readonly signal: AbortSignal;
}

const DECOMPRESSORS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Reads a body to its end, decompressed. Stops at the first byte over the limit, before or after decompression, and at the first
 * window in which too little came. The stream is destroyed in any case.
 * @throws FetchError TOO_LARGE, TOO_SLOW, WRONG_TYPE (an encoding that is unknown or damaged); errors of the stream as they are
 */
export async function readBody(body: Readable, options: BodyOptions): Promise<Buffer> {
  const { url, encoding } = options;
  const decompressor = encoding === undefined ? undefined : DECOMPRESSORS[encoding];
  if (encoding !== undefined && !decompressor) {
    body.destroy();
    throw new FetchError(
      "WRONG_TYPE",
      `"${url.href}" is sent with the encoding "${encoding}", expected gzip, deflate or br.`,
    );
  }
  const pace = watchPace(options);
  const signal = AbortSignal.any([options.signal, pace.signal]);
  const chunks: Buffer[] = [];
  const countSent = limited(options, "", (bytes) => pace.count(bytes));
  const countRead = limited(options, " when decompressed", () => {});
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) chunks.push(chunk);
  };
  try {
    if (decompressor) await pipeline(body, countSent, decompressor(), countRead, collect, { signal });
    else await pipeline(body, countSent, collect, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!/^(Z_|ERR__ERROR|ERR_BROTLI|ERR_PADDING)/.test(code)) throw error;
    const message = `"${url.href}" is sent with the encoding "${encoding}" and is damaged (${code}).`;
    throw new FetchError("WRONG_TYPE", message, { cause: error });
  } finally {
    pace.stop();
  }
  return Buffer.concat(chunks);
}

/** Hands chunks through until more bytes came than may. */
function limited({ url, maxBytes }: BodyOptions, state: string, count: (bytes: number) => void) {
  let total = 0;
  return async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      total += chunk.length;
      count(chunk.length);
      if (total > maxBytes) {
        const message = `"${url.href}" has more than ${maxBytes} bytes${state}, the limit. Raise MEDLEY_MAX_BYTES to take it.`;
        throw new FetchError("TOO_LARGE", message);
      }
      yield chunk;
    }
  };
}

function watchPace({ url, paceWindowMs, minimumBytesPerWindow }: BodyOptions) {
  const slow = new AbortController();
  let bytesInWindow = 0;
  const timer = setInterval(() => {
    if (bytesInWindow < minimumBytesPerWindow) {
      const pace = `${bytesInWindow} bytes in ${paceWindowMs / 1000} s, expected at least ${minimumBytesPerWindow}`;
      slow.abort(new FetchError("TOO_SLOW", `"${url.href}" sends ${pace}. Try again later.`, { retryable: true }));
    }
    bytesInWindow = 0;
  }, paceWindowMs);
  return {
    signal: slow.signal,
    count: (bytes: number) => {
      bytesInWindow += bytes;
    },
    stop: () => clearInterval(timer),
  };
}
