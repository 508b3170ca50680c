import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { resolve } from "node:path";
import { ApolloServer } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { ApolloServerPluginDrainHttpServer } from "@apollo/server/plugin/drainHttpServer";
import { expressMiddleware } from "@as-integrations/express5";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { buildSchema } from "graphql";
import { createRecallMeter } from "@medley/search";
import express from "express";
import { openAccess } from "./access/access.ts";
import type { AccessErrorCode } from "./access/access-error.ts";
import {
  admitRequests,
  clientAddress,
  createAdmission,
  isOperator,
  refuseForeignNames,
  viewerOf,
} from "./access/admit-requests.ts";
import { guardRootFields } from "./access/guard-root-fields.ts";
import {
  createContext,
  type GatewayContext,
  type GatewayDependencies,
  openSharedReads,
  type RequestLog,
} from "./context.ts";
import { formatError, withoutSuggestion } from "./errors.ts";
import { createGraphiqlRouter } from "./graphiql.ts";
import { answerErrors, readJsonBody } from "./http-errors.ts";
import { limitSize, MAX_TOKENS } from "./limits.ts";
import { measureRequests, measureRootFields } from "./metrics/measure-requests.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createMetricsRouter } from "./metrics/metrics-router.ts";
import { createPictureRouter } from "./pictures.ts";
import { answerLegacyClients, logRequests } from "./plugins.ts";
import { createOperationList, objectionTo, type OperationList, readOperations } from "./protection/operation-list.ts";
import { protectOperations } from "./protection/protect-operations.ts";
import { DEFAULT_PROTECTION, type ProtectionSettings } from "./protection/protection-settings.ts";
import { requireListedRequests } from "./protection/require-listed.ts";
import { checkReadiness, withoutDetails } from "./readiness.ts";
import { openRequest } from "./request-scope.ts";
import { resolvers } from "./resolvers/index.ts";
import { createSiteRouter } from "./site.ts";
import { traceOperations, traceRootFields } from "./tracing/trace-operations.ts";
import { traceRequests } from "./tracing/trace-requests.ts";
import { createWatches } from "./subscriptions/watches.ts";
import { serveSubscriptions } from "./subscriptions/websocket.ts";
import { createUploadReceiver } from "./uploads/receive-upload.ts";
import { createUploadRouter } from "./uploads/upload-router.ts";

const SCHEMA = readFileSync(resolve(import.meta.dirname, "../schema.graphql"), "utf8");

/** Nobody reads it: an engine that is told to stop says so itself. Made once, for every answered request ends with it, and a new one would take a stack trace. */
const GONE = new DOMException("The caller has gone away, or has the answer.", "AbortError");

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
 * Serves GraphQL, GraphiQL, pictures, probes, metrics and the web page. Rejects with AccessError where others could come in without a key. Disposing lets requests in flight finish and closes the
 * server; the dependencies stay open, for they belong to the caller.
 */
export async function createGateway(dependencies: GatewayDependencies, listen: ListenOptions): Promise<Gateway> {
  const protection = { ...DEFAULT_PROTECTION, ...dependencies.protection };
  const listed = await openOperationList(protection, dependencies.log);
  const tellsSchema = protection.introspection && listed === null;
  const access = await openAccess(dependencies.db, { ...protection, host: listen.host });
  const metrics = createMetrics(dependencies.db);
  const admission = createAdmission(access, protection);
  const app = express();
  app.set("trust proxy", [...protection.trustedProxies]);
  const server = createServer(app);
  const guarded = traceRootFields(guardRootFields(measureRootFields(resolvers, metrics)));
  const schema = makeExecutableSchema({ typeDefs: SCHEMA, resolvers: guarded });
  const services = {
    uploads: createUploadReceiver(dependencies),
    watches: createWatches(dependencies),
    ...openSharedReads(dependencies.db),
    recallMeter: createRecallMeter({
      db: dependencies.db,
      log: (fields, message) => dependencies.log.error(fields, message),
    }),
  };
  const onCall = (method: string, milliseconds: number) => metrics.observeCall(method, milliseconds / 1000);
  const subscriptions = serveSubscriptions(server, {
    schema,
    dependencies: { ...dependencies, ...services },
    path: "/graphql",
    access,
    admission,
    limits: protection,
    tellsSchema,
    listed,
    addressOf: (request) => clientAddress(request, app),
    onSubscribed: (code, seconds) => metrics.countRequest("subscription", code, seconds),
    onCall,
  });
  const apollo = new ApolloServer<GatewayContext>({
    schema,
    csrfPrevention: true,
    introspection: protection.introspection,
    // "Did you mean" tells the names that introspection no longer does, and that nobody has to find out who sends listed operations.
    hideSchemaDetailsFromClientErrors: !tellsSchema,
    includeStacktraceInErrorResponses: false,
    // Signals are main.ts's: it also closes what the gateway does not own.
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: MAX_TOKENS },
    validationRules: [limitSize],
    formatError: tellsSchema ? formatError : formatDiscreetly,
    plugins: [
      answerLegacyClients,
      protectOperations(SCHEMA, protection.maxCostMs),
      measureRequests(metrics),
      traceOperations,
      logRequests(dependencies.log),
      ApolloServerPluginDrainHttpServer({ httpServer: server }),
      { serverWillStart: async () => ({ drainServer: async () => subscriptions[Symbol.asyncDispose]() }) },
      ApolloServerPluginLandingPageDisabled(),
      // No field has a cache hint, and the plugin wraps the resolver of every field of every hit to look for one.
      ApolloServerPluginCacheControlDisabled(),
    ],
  });
  await apollo.start();

  app.disable("x-powered-by");
  app.use((_request, response, next) => {
    response.set("X-Content-Type-Options", "nosniff").set("Referrer-Policy", "same-origin");
    next();
  });
  app.use(refuseForeignNames(access));
  const context = async ({ res }: { res: express.Response }) => {
    const gone = new AbortController();
    res.once("close", () => gone.abort(GONE));
    const start = { viewer: viewerOf(res), gone: gone.signal, timeoutMs: protection.requestTimeoutMs, onCall };
    return createContext({ ...dependencies, ...services }, openRequest(dependencies, access, start));
  };
  app.use("/graphql", (_request, response, next) => {
    response.set("Cache-Control", "no-store");
    next();
  });
  const graphql = expressMiddleware(apollo, { context });
  app.use("/graphql", traceRequests("/graphql"), admitRequests(admission), readJsonBody());
  if (listed) {
    const onRefused = (sent: string) => {
      metrics.countRequest("none", "OPERATION_NOT_LISTED" satisfies AccessErrorCode, 0);
      dependencies.log.info({ sent: sent.slice(0, LOGGED_CHARACTERS) }, "operation not listed");
    };
    app.use("/graphql", requireListedRequests(listed, onRefused));
  }
  app.use("/graphql", graphql);
  app.get("/healthz", (_request, response) => void response.json({ ok: true }));
  app.get("/readyz", async (request, response) => {
    const readiness = await checkReadiness(dependencies);
    response
      .status(readiness.ready ? 200 : 503)
      .set("Cache-Control", "no-store")
      .json((await isOperator(request, access).catch(() => false)) ? readiness : withoutDetails(readiness));
  });
  app.use(createMetricsRouter(metrics, access));
  app.use("/uploads/:token", traceRequests("/uploads/{token}"));
  app.use(createUploadRouter({ ...dependencies, ...services }));
  app.use(
    createGraphiqlRouter(),
    createPictureRouter(dependencies, access),
    createSiteRouter(dependencies.siteDirectory),
  );
  app.use((request, response) => {
    response.status(404).json({ error: `There is nothing at ${request.path}.`, code: "NOT_FOUND", retryable: false });
  });
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
  return {
    url: urlOf(server.address() as AddressInfo),
    async [Symbol.asyncDispose]() {
      await using _meter = services.recallMeter;
      await apollo.stop();
    },
  };
}

/** Enough to see which operation is missing. */
const LOGGED_CHARACTERS = 300;

/** Null: any operation may be sent. Rejects where the file cannot be used; an operation in it that does not fit the schema is logged. */
async function openOperationList(
  { operationsFile }: Pick<ProtectionSettings, "operationsFile">,
  log: RequestLog,
): Promise<OperationList | null> {
  if (operationsFile === undefined) return null;
  const documents = await readOperations(operationsFile);
  const schema = buildSchema(SCHEMA);
  for (const [id, text] of documents) {
    const objection = objectionTo(text, schema);
    if (objection !== null) log.error({ operation: id, objection }, "listed operation does not fit the schema");
  }
  log.info({ operations: documents.size, file: operationsFile }, "only listed operations are run");
  return createOperationList(documents);
}

function formatDiscreetly(...call: Parameters<typeof formatError>): ReturnType<typeof formatError> {
  const formatted = formatError(...call);
  return { ...formatted, message: withoutSuggestion(formatted.message) };
}

function urlOf({ address, port }: AddressInfo): string {
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
