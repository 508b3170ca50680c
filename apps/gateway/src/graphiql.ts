import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { gunzip } from "node:zlib";
import { Router } from "express";

const DEFAULT_QUERY = `# Pictures for a text, with the scores of both stages. Names and arguments complete with Ctrl+Space.
query {
  corpora { name imageCount }
  search(input: { corpus: "demo", all: [{ text: "a picture of a mountain" }] }, first: 5) {
    edges {
      rank
      itcCosine
      itmLogit
      node { id url captions { text source } }
    }
    report { milliseconds indexMode estimatedRecall degraded { message } }
  }
}
`;

/** `/graphiql`: the query editor as one page that loads nothing from other servers. */
export function createGraphiqlRouter(): Router {
  const router = Router();
  let page: Promise<Buffer> | null = null;
  router.get("/graphiql", async (request, response) => {
    page ??= renderInWorker().catch((error: unknown) => {
      page = null;
      throw error;
    });
    const compressed = await page;
    response.type("html").set("Cache-Control", "public, max-age=3600").vary("Accept-Encoding");
    if (request.acceptsEncodings("gzip")) response.set("Content-Encoding", "gzip").send(compressed);
    else response.send(await promisify(gunzip)(compressed));
  });
  return router;
}

/** Importing, rendering and compressing 9 MB takes 290 ms (2 cores): never on the thread that answers requests. */
async function renderInWorker(): Promise<Buffer> {
  const options = { title: "Medley GraphiQL", endpoint: "/graphql", defaultQuery: DEFAULT_QUERY };
  const worker = new Worker(new URL("./graphiql-worker.ts", import.meta.url), { workerData: options });
  const rendered = Promise.withResolvers<Buffer>();
  worker.once("message", (bytes: Uint8Array) => rendered.resolve(Buffer.from(bytes)));
  worker.once("error", rendered.reject);
  worker.once("exit", (code) => rendered.reject(new Error(`The GraphiQL worker ended with code ${code}.`)));
  return rendered.promise;
}
