import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { resolve } from "node:path";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginDrainHttpServer } from "@apollo/server/plugin/drainHttpServer";
import { expressMiddleware } from "@as-integrations/express5";
import { makeExecutableSchema } from "@graphql-tools/schema";
import express, { type ErrorRequestHandler } from "express";
import { createContext, type GatewayContext, type GatewayDependencies } from "./context.ts";
import { formatError } from "./errors.ts";
import { createGraphiqlRouter } from "./graphiql.ts";
import { limitSize, MAX_BODY_BYTES, MAX_TOKENS } from "./limits.ts";
import { createPictureRouter } from "./pictures.ts";
import { answerLegacyClients, logRequests } from "./plugins.ts";
import { checkReadiness } from "./readiness.ts";
import { resolvers } from "./resolvers/index.ts";
import { createSiteRouter } from "./site.ts";
import { createWatches } from "./subscriptions/watches.ts";
import { serveSubscriptions } from "./subscriptions/websocket.ts";
import { createUploadReceiver } from "./uploads/receive-upload.ts";
import { createUploadRouter } from "./uploads/upload-router.ts";

const SCHEMA = readFileSync(resolve(import.meta.dirname, "../schema.graphql"), "utf8");

export interface Gateway extends AsyncDisposable {
  /** Where it listens, such as http://127.0.0.1:4000. */
  readonly url: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/**
 * Serves GraphQL, GraphiQL, pictures, probes and the web page. Disposing lets requests in flight finish and closes the
 * server; the dependencies stay open, for they belong to the caller.
 */
export async function createGateway(dependencies: GatewayDependencies, listen: ListenOptions): Promise<Gateway> {
  const app = express();
  const server = createServer(app);
  const schema = makeExecutableSchema({ typeDefs: SCHEMA, resolvers });
  const services = { uploads: createUploadReceiver(dependencies), watches: createWatches(dependencies) };
  const subscriptions = serveSubscriptions(server, {
    schema,
    dependencies: { ...dependencies, ...services },
    path: "/graphql",
  });
  const apollo = new ApolloServer<GatewayContext>({
    schema,
    csrfPrevention: true,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    // Signals are main.ts's: it also closes what the gateway does not own.
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: MAX_TOKENS },
    validationRules: [limitSize],
    formatError,
    plugins: [
      answerLegacyClients,
      logRequests(dependencies.log),
      ApolloServerPluginDrainHttpServer({ httpServer: server }),
      { serverWillStart: async () => ({ drainServer: async () => subscriptions[Symbol.asyncDispose]() }) },
      ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await apollo.start();

  app.disable("x-powered-by");
  app.use((_request, response, next) => {
    response.set("X-Content-Type-Options", "nosniff").set("Referrer-Policy", "same-origin");
    next();
  });
  const context = async () => createContext({ ...dependencies, ...services });
  app.use("/graphql", express.json({ limit: MAX_BODY_BYTES }), expressMiddleware(apollo, { context }));
  app.get("/healthz", (_request, response) => void response.json({ ok: true }));
  app.get("/readyz", async (_request, response) => {
    const readiness = await checkReadiness(dependencies);
    response
      .status(readiness.ready ? 200 : 503)
      .set("Cache-Control", "no-store")
      .json(readiness);
  });
  app.use(createUploadRouter({ ...dependencies, ...services }));
  app.use(createGraphiqlRouter(), createPictureRouter(dependencies), createSiteRouter(dependencies.siteDirectory));
  app.use((request, response) => void response.status(404).json({ error: `There is nothing at ${request.path}.` }));
  app.use(answerErrors(dependencies));

  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(listen.port, listen.host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    await apollo.stop();
    throw error;
  }
  return { url: urlOf(server.address() as AddressInfo), [Symbol.asyncDispose]: () => apollo.stop() };
}

function urlOf({ address, port }: AddressInfo): string {
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

/** Errors of HTTP itself as JSON: a malformed or oversized body says what is wrong, anything else is logged and masked. */
function answerErrors({ log }: Pick<GatewayDependencies, "log">): ErrorRequestHandler {
  return (error: { status?: number; message?: string; expose?: boolean }, request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error.status ?? 500;
    if (status >= 500) log.error({ path: request.path, err: error }, "request failed");
    const message = error.expose === true ? error.message : "The server failed on this request; its log has the cause.";
    response.status(status).json({ errors: [{ message }] });
  };
}
