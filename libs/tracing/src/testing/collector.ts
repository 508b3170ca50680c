import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type ReceivedSpan, readJsonSpans, readProtobufSpans } from "./read-spans.ts";

export type { ReceivedSpan } from "./read-spans.ts";

/** A collector of traces on this machine: takes OTLP over HTTP and keeps what came. For tests only. */
export interface Collector extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Of each request, the oldest first. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Spans of one trace. */
  ofTrace(traceId: string): ReceivedSpan[];
  /** Answers from now on: a status, or never. */
  answer(how: number | "never"): void;
}

export async function openCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const held: ServerResponse[] = [];
  let how: number | "never" = 200;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    requests.push({ path: request.url ?? "", headers: request.headers });
    if (how === "never") return void held.push(response);
    const read = request.headers["content-type"] === "application/json" ? readJsonSpans : readProtobufSpans;
    if (how === 200) spans.push(...read(body));
    response.writeHead(how).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    ofTrace: (traceId) => spans.filter((span) => span.traceId === traceId),
    answer(next) {
      how = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
