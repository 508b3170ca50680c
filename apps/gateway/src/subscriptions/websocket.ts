import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { createContext, type GatewayDependencies, type GatewayServices } from "../context.ts";
import { causeOf, formatError, isFault } from "../errors.ts";
import { limitSize, MAX_TOKENS } from "../limits.ts";

/** A subscription is a short text with an id; nothing larger comes in. */
const MAX_MESSAGE_BYTES = 65_536;
/** Of one process; each is a socket that stays open. */
const MAX_CONNECTIONS = 1_000;
/** Of one connection; a page that shows a long list still has one for each entry. */
const MAX_SUBSCRIPTIONS = 100;

type Dependencies = GatewayDependencies & GatewayServices;

/**
 * Serves subscriptions by the protocol graphql-transport-ws at `path`. Queries and mutations are refused here: HTTP is their way in, with its limits
 * and its protection. A page of another site cannot connect, for browsers name the page's origin and it has to be this server's.
 */
export function serveSubscriptions(
  server: Server,
  { schema, dependencies, path }: { schema: GraphQLSchema; dependencies: Dependencies; path: string },
): AsyncDisposable {
  const { log } = dependencies;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const running = new WeakMap<object, Set<string>>();
  const subscriptionsOf = (connection: object) => {
    const known = running.get(connection) ?? new Set<string>();
    running.set(connection, known);
    return known;
  };
  const disposable = useServer(
    {
      schema,
      onSubscribe(context, id, { query, variables, operationName }) {
        const subscriptions = subscriptionsOf(context.extra.socket);
        if (subscriptions.size >= MAX_SUBSCRIPTIONS) {
          return [refusal(`This connection has ${MAX_SUBSCRIPTIONS} subscriptions already. End one first.`)];
        }
        const prepared = prepare(schema, query, operationName);
        if (!("kind" in prepared)) return prepared.map((error) => masked(error, log));
        subscriptions.add(id);
        return {
          schema,
          document: prepared,
          variableValues: variables ?? {},
          operationName: operationName ?? null,
          contextValue: createContext(dependencies),
        };
      },
      subscribe: (args) => subscribe(args as ExecutionArgs, () => createContext(dependencies)),
      onNext: (_context, _id, _payload, _args, { data = null, errors, extensions }) => ({
        data,
        ...(errors && { errors: errors.map((error) => masked(error, log).toJSON()) }),
        ...(extensions && { extensions }),
      }),
      onError: (_context, _id, _payload, errors) => errors.map((error) => masked(error, log).toJSON()),
      onComplete: (context, id) => void subscriptionsOf(context.extra.socket).delete(id),
    },
    sockets,
  );

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const status = refusedStatus(request, path, sockets.clients.size);
    if (status === null) {
      sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened, request));
    } else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  server.on("upgrade", upgrade);
  return {
    async [Symbol.asyncDispose]() {
      server.off("upgrade", upgrade);
      await disposable.dispose();
    },
  };
}

function refusedStatus(request: IncomingMessage, path: string, connections: number): string | null {
  if (request.url?.split("?")[0] !== path) return "404 Not Found";
  if (!isOwnOrigin(request.headers)) return "403 Forbidden";
  return connections >= MAX_CONNECTIONS ? "503 Service Unavailable" : null;
}

/** Programs send no origin; a browser always does, and a page cannot change it. */
export function isOwnOrigin({
  origin,
  host,
}: {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
}): boolean {
  return origin === undefined || (URL.parse(origin)?.host ?? null) === (host?.toLowerCase() ?? "");
}

/** The document of a subscription that keeps to the limits, or what is wrong with it. */
function prepare(
  schema: GraphQLSchema,
  query: string,
  operationName: string | null | undefined,
): DocumentNode | readonly GraphQLError[] {
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: MAX_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return [withCode(error, "GRAPHQL_PARSE_FAILED")];
    throw error;
  }
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== "subscription") {
    const message = "A WebSocket carries subscriptions only. Send queries and mutations by POST to the same path.";
    return [withCode(new GraphQLError(message), "OPERATION_RESOLUTION_FAILURE")];
  }
  const errors = validate(schema, document, [...specifiedRules, limitSize]);
  return errors.length > 0 ? errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED")) : document;
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, { nodes: error.nodes ?? null, extensions: { code } });
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "OVERLOADED" } });
}

/** As over HTTP: known errors with their code, anything else without its text, which the log has. */
function masked(error: GraphQLError, log: GatewayDependencies["log"]): GraphQLError {
  const formatted = formatError(error.toJSON(), error);
  if (isFault(formatted)) log.error({ path: error.path, err: causeOf(error) }, "field failed");
  return new GraphQLError(formatted.message, {
    ...(formatted.path && { path: formatted.path }),
    ...(formatted.extensions && { extensions: formatted.extensions }),
  });
}

type Results = AsyncIterableIterator<ExecutionResult> | ExecutionResult;

/**
 * As graphql-js subscribes, but every event is answered with a context of its own: loaders remember what they have read, and what changed between
 * two events would never be seen.
 */
async function subscribe(args: ExecutionArgs, freshContext: () => unknown): Promise<Results> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  const results: AsyncIterableIterator<ExecutionResult> = {
    async next() {
      const event = await events.next();
      if (event.done === true) return { done: true, value: undefined };
      return { done: false, value: await execute({ ...args, rootValue: event.value, contextValue: freshContext() }) };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await events.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return results;
    },
  };
  return results;
}
