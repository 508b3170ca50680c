import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { deflateSync } from "node:zlib";

export interface PictureServer extends AsyncDisposable {
  readonly port: number;
  /** "http://127.0.0.1:PORT", without a slash at its end. */
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[];
}

/** A real HTTP server on a loopback address, by default 127.0.0.1, and any free port. */
export async function startPictureServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  address = "127.0.0.1",
): Promise<PictureServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${address}:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A GIF of one pixel. */
export const PICTURE = Buffer.from("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");

/** Ten million zeros in ten thousand bytes, in the form of Content-Encoding: deflate. */
export function compressedZeros(): Buffer {
  return deflateSync(Buffer.alloc(10_000_000));
}
