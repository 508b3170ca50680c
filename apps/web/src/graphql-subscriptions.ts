import { type Client, createClient } from "graphql-ws/client";
import { apiKeyState, refuseApiKey } from "./api-key.ts";
import { RequestError, UNAUTHENTICATED } from "./graphql-client.ts";

/** The WebSocket did not open or broke; what was asked can be asked by POST. */
export class ConnectionLost extends Error {}

/** Some proxies let no WebSocket through, and not all of them say so. */
const OPENS_WITHIN_MS = 3_000;
/** Between two searches of one reader it stays open: opening it takes two more ways to the server and back. */
const IDLE_MS = 60_000;

interface Connection {
  readonly key: string | null;
  readonly client: Client;
}

let connection: Connection | null = null;
let reached: "unknown" | "yes" | "never" = "unknown";

/** False once a WebSocket could not be opened: this page then asks by POST alone. */
export function canSubscribe(): boolean {
  return reached !== "never" && typeof WebSocket !== "undefined";
}

/**
 * Events of one GraphQL subscription, with the key that the reader gave, until it ends or the signal fires. Throws RequestError for errors of the server
 * and ConnectionLost for those of the way to it.
 */
export async function* subscribeGraphql<T>(
  query: string,
  variables: object,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const { key, client } = connect();
  const events = client.iterate<T>({ query, variables: { ...variables } });
  const leave = () => void events.return?.();
  signal.addEventListener("abort", leave, { once: true });
  const opening = setTimeout(giveUpOpening, OPENS_WITHIN_MS);
  try {
    for await (const { data, errors } of events) {
      const [error] = errors ?? [];
      if (error !== undefined) throw refused(error, key);
      if (data !== undefined && data !== null) yield data;
    }
  } catch (error) {
    if (error instanceof RequestError) throw error;
    if (Array.isArray(error) && error[0] !== undefined) throw refused(error[0] as ServerError, key);
    if (reached === "unknown") reached = "never";
    throw new ConnectionLost("The connection for live answers broke.", { cause: error });
  } finally {
    clearTimeout(opening);
    signal.removeEventListener("abort", leave);
  }
}

function connect(): Connection {
  const { key } = apiKeyState();
  if (connection?.key === key) return connection;
  // The gateway knows a connection by the key that it was opened with.
  void connection?.client.dispose();
  const { host, protocol } = window.location;
  const client = createClient({
    url: `${protocol === "https:" ? "wss" : "ws"}://${host}/graphql`,
    connectionParams: key === null ? {} : { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    lazyCloseTimeout: IDLE_MS,
    on: { connected: () => void (reached = "yes") },
  });
  connection = { key, client };
  return connection;
}

function giveUpOpening(): void {
  if (reached === "unknown") connection?.client.terminate();
}

interface ServerError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

function refused({ message, extensions }: ServerError, key: string | null): RequestError {
  const code = typeof extensions?.code === "string" ? extensions.code : "UNKNOWN";
  if (code === UNAUTHENTICATED) refuseApiKey(key, message);
  return new RequestError(code, message);
}
