import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HandlerRequest, HandlerResponse } from "@medley/inference-api";

export interface ServeOptions {
  readonly handle: (request: HandlerRequest) => Promise<HandlerResponse>;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly maxBodyBytes: number;
}

export interface ListeningServer extends AsyncDisposable {
  readonly url: string;
}

/** Longer than the idle time of fetch's connection pool, so that the client and not the server closes an idle connection. */
const KEEP_ALIVE_MS = 65_000;
/** How long requests in flight may finish after the server was told to stop. */
const DRAIN_MS = 10_000;

/** Puts the handler behind node:http. Disposing lets requests in flight finish, then closes. */
export async function serve(options: ServeOptions): Promise<ListeningServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    answer(options, server, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explainListenError(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, [Symbol.asyncDispose]: () => drain(server) };
}

async function answer(
  options: ServeOptions,
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const body = await readBody(request, options.maxBodyBytes);
  if (body === undefined) {
    const error = `The body is larger than ${options.maxBodyBytes} bytes. Send fewer pictures at once, or name them by sha256.`;
    response.writeHead(413, { "content-type": "application/json", connection: "close" }).end(JSON.stringify({ error }));
    return;
  }
  const requestId = request.headers["x-request-id"];
  const reply = await options.handle({
    method: request.method ?? "GET",
    path: new URL(request.url ?? "/", "http://localhost").pathname,
    body,
    headers: request.headers,
    signal: gone.signal,
    ...(typeof requestId === "string" && { requestId }),
  });
  // Otherwise a connection that was busy when the server was told to stop would stay open, idle, and hold it up.
  if (!server.listening) response.setHeader("connection", "close");
  if (!response.destroyed) response.writeHead(reply.status, reply.headers).end(reply.body);
}

/** The whole body as text, or undefined when it is too large. */
async function readBody(request: IncomingMessage, maxBodyBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function drain(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

function explainListenError(error: NodeJS.ErrnoException, { host, port }: ServeOptions): Error {
  if (error.code !== "EADDRINUSE") return error;
  return new Error(`Port ${port} of ${host} is in use. Stop what listens there, or set INFERENCE_PORT (0: any free).`);
}
