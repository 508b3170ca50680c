import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { GraphQLError, type GraphQLSchema } from "graphql";
import { type Extra, useServer } from "graphql-ws/use/ws";
import { type WebSocket, WebSocketServer } from "ws";
import type { Access } from "../access/access.ts";
import { AccessError } from "../access/access-error.ts";
import { type Admission, requireKnownName } from "../access/admit-requests.ts";
import type { Viewer } from "../access/viewer.ts";
import { createContext, type GatewayContext, type GatewayDependencies, type GatewayServices } from "../context.ts";
import { causeOf, formatError, isFault, withoutSuggestion } from "../errors.ts";
import { openRequest } from "../request-scope.ts";
import type { OperationList } from "../protection/operation-list.ts";
import { asksModels } from "../protection/prices.ts";
import { requireListed } from "../protection/require-listed.ts";
import { prepareSubscription, type SubscriptionLimits } from "./prepare-subscription.ts";
import { traceSubscription } from "../tracing/trace-subscriptions.ts";
import { waitForReusedIds } from "./reused-ids.ts";
import { subscribeWithFreshContexts } from "./subscribe.ts";

/** A subscription is a short text with an id; nothing larger comes in. */
const MAX_MESSAGE_BYTES = 65_536;
/** Of one process; each is a socket that stays open. */
const MAX_CONNECTIONS = 1_000;
/** Of one connection; a page that shows a long list still has one for each entry. */
const MAX_SUBSCRIPTIONS = 100;
/** Of one connection, those that a model works for: a page shows one search, a wall of them a few. */
const MAX_SEARCHES = 8;
/** Close codes: of the protocol for who may not come in, of WebSockets for the rest. */
const CLOSE = { forbidden: 4403, failed: 1011, tryAgain: 1013 } as const;
/** As much as a close frame holds. */
const LONGEST_REASON_BYTES = 123;

export interface SubscriptionOptions {
  readonly schema: GraphQLSchema;
  readonly dependencies: GatewayDependencies & GatewayServices;
  readonly path: string;
  readonly access: Access;
  readonly admission: Admission;
  readonly limits: SubscriptionLimits & { readonly requestTimeoutMs: number };
  /** False: errors suggest no names of the schema. */
  readonly tellsSchema: boolean;
  /** Null: any may be sent. */
  readonly listed: OperationList | null;
  /** Where a request comes from, behind trusted proxies as well. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** Told once for each subscription that was asked for: OK or the code of its error. */
  readonly onSubscribed: (code: string, seconds: number) => void;
  readonly onCall: (method: string, milliseconds: number) => void;
}

/** What one connection is: whose, and what runs on it. */
interface Session {
  readonly address: string;
  readonly authorization: string | undefined;
  /** By the ids that the client gave them. */
  readonly subscriptions: Map<string, Running>;
}

/** A subscription from the moment that it is asked for. */
interface Running {
  /** Fires when it ends, whoever ends it. */
  readonly ended: AbortController;
  asksModels: boolean;
}

/** Whose a subscription is, and what it asks. */
interface Owner {
  readonly session: Session;
  readonly running: Running;
  readonly rootField: string;
}

/**
 * Serves subscriptions by the protocol graphql-transport-ws at `path`. Who connects shows his key in the header Authorization or, as browsers cannot
 * set it, as `authorization` in the payload of connection_init; it is looked at again with every subscription and every event. Queries and mutations are
 * refused here: HTTP is their way in, with its limits and its protection. A page of another site cannot connect, for browsers name the page's origin and
 * it has to be this server's.
 */
export function serveSubscriptions(server: Server, options: SubscriptionOptions): AsyncDisposable {
  const {
    schema,
    dependencies,
    path,
    access,
    admission,
    limits,
    tellsSchema,
    listed,
    addressOf,
    onSubscribed,
    onCall,
  } = options;
  const { log } = dependencies;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const sessions = new WeakMap<WebSocket, Session>();
  const sessionOf = ({ socket }: Extra): Session => {
    const session = sessions.get(socket);
    if (session === undefined) throw new Error("Bug: a subscription came before its connection was let in.");
    return session;
  };
  const contextFor = (viewer: Viewer, { ended }: Running): GatewayContext => {
    const start = { viewer, gone: ended.signal, timeoutMs: limits.requestTimeoutMs, onCall };
    return createContext(dependencies, openRequest(dependencies, access, start));
  };
  /** Whose a subscription's first context is. */
  const owners = new WeakMap<object, Owner>();

  const masked = (error: unknown) => maskError(error, log, tellsSchema);
  /** Errors that are as the client may see them. */
  const presentable = new WeakSet<GraphQLError>();
  function refuse(session: Session, id: string, errors: readonly unknown[], startedAt: number): GraphQLError[] {
    end(session, id);
    const shown = errors.map((error) => masked(error));
    for (const error of shown) presentable.add(error);
    onSubscribed(codeOf(shown[0]), (performance.now() - startedAt) / 1000);
    return shown;
  }

  const disposable = useServer<Record<string, unknown>>(
    {
      schema,
      async onConnect({ connectionParams, extra: { socket, request } }) {
        const address = addressOf(request);
        const authorization = credentialsOf(connectionParams, request);
        const refusal = await refusalOf(() => admission.admit(address, authorization), log);
        if (refusal !== null) {
          socket.close(refusal.code, refusal.reason);
          return false;
        }
        const session: Session = { address, authorization, subscriptions: new Map() };
        socket.once("close", () => {
          for (const id of [...session.subscriptions.keys()]) end(session, id);
        });
        sessions.set(socket, session);
        return true;
      },
      async onSubscribe({ extra }, id, { query: sent, variables, operationName, extensions }) {
        const startedAt = performance.now();
        const session = sessionOf(extra);
        try {
          if (session.subscriptions.size >= MAX_SUBSCRIPTIONS) throw tooMany();
          // Counted at once: many may be asked for before the first of them is let in.
          const running: Running = { ended: new AbortController(), asksModels: false };
          session.subscriptions.set(id, running);
          const viewer = await admission.admit(session.address, session.authorization);
          const named = listed && requireListed(listed, { query: sent, extensions });
          const query = named?.query ?? sent;
          const prepared = prepareSubscription(schema, { query, variables, operationName }, limits);
          if (!("document" in prepared)) return refuse(session, id, prepared, startedAt);
          if (asksModels(prepared.rootField)) {
            const searches = [...session.subscriptions.values()].filter((other) => other.asksModels);
            if (searches.length >= MAX_SEARCHES) throw tooManySearches();
            running.asksModels = true;
          }
          const contextValue = contextFor(viewer, running);
          owners.set(contextValue, { session, running, rootField: prepared.rootField });
          log.info({ operation: operationName, viewer: viewer.id }, "subscription");
          const operation = { variableValues: variables ?? {}, operationName: operationName ?? null };
          return { schema, document: prepared.document, ...operation, contextValue };
        } catch (error) {
          return refuse(session, id, [error], startedAt);
        }
      },
      async subscribe(args) {
        const startedAt = performance.now();
        const owner = owners.get(args.contextValue as object);
        if (owner === undefined) throw new Error("Bug: a subscription has a context of somebody else.");
        const { session, running, rootField } = owner;
        const freshContext = async () => contextFor(await access.authenticate(session.authorization), running);
        const begin = () => subscribeWithFreshContexts(args, freshContext);
        const { document, operationName } = args;
        const asked = { rootField, document, operationName, ended: running.ended.signal };
        // What waits for rows to change may stay open for days.
        const results = await (running.asksModels ? traceSubscription(asked, begin) : begin());
        const [error] = Symbol.asyncIterator in results ? [] : (results.errors ?? []);
        onSubscribed(error === undefined ? "OK" : codeOf(masked(error)), (performance.now() - startedAt) / 1000);
        return results;
      },
      onNext: (_context, _id, _payload, _args, { data = null, errors, extensions }) => ({
        data,
        ...(errors && { errors: errors.map((error) => masked(error).toJSON()) }),
        ...(extensions && { extensions }),
      }),
      onError: (_context, _id, _payload, errors) =>
        errors.map((error) => (presentable.has(error) ? error : masked(error)).toJSON()),
      onComplete: ({ extra }, id) => end(sessionOf(extra), id),
    },
    sockets,
  );

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => {});
    const status = await refusedStatus(request, sockets.clients.size);
    if (status === null) {
      sockets.handleUpgrade(request, socket, head, (opened) => {
        waitForReusedIds(opened);
        sockets.emit("connection", opened, request);
      });
    } else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  async function refusedStatus(request: IncomingMessage, connections: number): Promise<string | null> {
    if (request.url?.split("?")[0] !== path) return "404 Not Found";
    if (!isOwnOrigin(request.headers)) return "403 Forbidden";
    try {
      await requireKnownName(access, URL.parse(`http://${request.headers.host}`)?.hostname ?? "");
      await admission.countAddress(addressOf(request));
    } catch (error) {
      if (!(error instanceof AccessError)) log.error({ err: error }, "a WebSocket could not be opened");
      const { status } = error instanceof AccessError ? error : { status: 503 };
      return `${status} ${STATUS_CODES[status]}`;
    }
    return connections >= MAX_CONNECTIONS ? "503 Service Unavailable" : null;
  }

  const onUpgrade = (...call: Parameters<typeof upgrade>) => void upgrade(...call);
  server.on("upgrade", onUpgrade);
  return {
    async [Symbol.asyncDispose]() {
      server.off("upgrade", onUpgrade);
      await disposable.dispose();
    },
  };
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

/** What the header Authorization would hold: the payload of connection_init goes first, for it is the newer. */
function credentialsOf(payload: Readonly<Record<string, unknown>> | undefined, request: IncomingMessage) {
  const given = payload?.["authorization"] ?? payload?.["Authorization"];
  return typeof given === "string" ? given : request.headers.authorization;
}

/** The close code and reason for who may not connect; null for who may. */
async function refusalOf(admit: () => Promise<unknown>, log: GatewayDependencies["log"]) {
  try {
    await admit();
    return null;
  } catch (error) {
    if (error instanceof AccessError) {
      const code = error.retryable ? CLOSE.tryAgain : CLOSE.forbidden;
      return { code, reason: shortened(`${error.code}: ${error.message}`) };
    }
    log.error({ err: error }, "a WebSocket could not be opened");
    return { code: CLOSE.failed, reason: "The server failed; its log has the cause." };
  }
}

function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= LONGEST_REASON_BYTES
    ? reason
    : bytes
        .subarray(0, LONGEST_REASON_BYTES)
        .toString()
        .replace(/\uFFFD+$/, "");
}

/** What a subscription had asked of the models is given up. */
function end({ subscriptions }: Session, id: string): void {
  subscriptions.get(id)?.ended.abort();
  subscriptions.delete(id);
}

function tooManySearches(): AccessError {
  const found = `This connection runs ${MAX_SEARCHES} searches already`;
  return new AccessError("RATE_LIMITED", `${found}, as many as it may. Wait for one, or end it.`);
}

function tooMany(): AccessError {
  const found = `This connection has ${MAX_SUBSCRIPTIONS} subscriptions already`;
  return new AccessError("RATE_LIMITED", `${found}, as many as it may. End one first.`);
}

/** As over HTTP: known errors with their code, anything else without its text, which the log has. */
function maskError(error: unknown, log: GatewayDependencies["log"], suggests: boolean): GraphQLError {
  const given = error instanceof GraphQLError ? error : asGraphQLError(error);
  const formatted = formatError(given.toJSON(), given);
  if (isFault(formatted)) log.error({ path: given.path, err: causeOf(given) }, "field failed");
  return new GraphQLError(suggests ? formatted.message : withoutSuggestion(formatted.message), {
    ...(formatted.path && { path: formatted.path }),
    ...(formatted.extensions && { extensions: formatted.extensions }),
  });
}

function asGraphQLError(error: unknown): GraphQLError {
  const cause = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(cause.message, { originalError: cause });
}

function codeOf(error: GraphQLError | undefined): string {
  return String(error?.extensions["code"] ?? "INTERNAL_SERVER_ERROR");
}
