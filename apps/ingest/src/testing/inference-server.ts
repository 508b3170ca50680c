import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createInferenceHandler, type Inference } from "@medley/inference-api";

export interface InferenceServer extends AsyncDisposable {
  /** For INFERENCE_URL. */
  readonly url: string;
}

/** An engine behind HTTP on this machine, for tests that start the worker as a process. */
export async function serveInference(inference: Inference): Promise<InferenceServer> {
  const handle = createInferenceHandler(inference);
  const server = createServer(async (request, response) => {
    const { method = "GET", url: path = "/", headers } = request;
    const reply = await handle({ method, path, headers, body: await text(request) });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
