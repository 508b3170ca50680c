import type { Client } from "graphql-ws/client";
import { type GraphqlError, graphqlError, MedleyError, unreachable } from "./errors.ts";

/** What `new` makes a WebSocket of, such as the class of the package ws. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => object;

export interface SubscriptionSettings {
  readonly url: string;
  readonly authorization: Readonly<Record<string, string>>;
  readonly webSocket: WebSocketClass | undefined;
}

export interface Subscriptions {
  subscribe<Result>(
    query: string,
    variables: object,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Result, void, undefined>;
}

/**
 * Subscriptions of one client. All share a WebSocket, which is opened for the first of them and closed after the last. A connection that breaks is
 * opened again, five times at most; events begin with how things are then, so that nothing has to be asked for anew.
 */
export function openSubscriptions({ url, authorization, webSocket }: SubscriptionSettings): Subscriptions {
  const address = `${url.replace(/^http/, "ws")}/graphql`;
  let opened: Promise<Client> | null = null;
  let wasConnected = false;

  /** The protocol is loaded when somebody first subscribes: pages that only search do not carry it. */
  function open(): Promise<Client> {
    opened ??= import("graphql-ws/client").then(({ createClient }) =>
      createClient({
        url: address,
        connectionParams: authorization,
        on: { connected: () => void (wasConnected = true) },
        // A server that was never there, or that refuses, is told at once.
        shouldRetry: (thrown) => wasConnected && !isRefusal(thrown),
        ...(webSocket && { webSocketImpl: webSocket }),
      }),
    );
    return opened;
  }

  async function* subscribe<Result>(query: string, variables: object, signal: AbortSignal | undefined) {
    signal?.throwIfAborted();
    const client = await open();
    const events = client.iterate<Result>({ query, variables: { ...variables } });
    const stop = () => void events.return?.();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for await (const { data, errors } of events) {
        if (errors !== undefined) throw graphqlError(errors as readonly GraphqlError[], null, data ?? null);
        if (data !== undefined && data !== null) yield data;
      }
      signal?.throwIfAborted();
    } catch (error) {
      throw signal?.aborted || error instanceof MedleyError ? error : asMedleyError(address, error);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  return { subscribe };
}

/** The codes that a close frame has for callers: who may not come in, and who is to come back later. */
const REFUSED = 4403;
const TRY_AGAIN = 1013;

function isRefusal(thrown: unknown): thrown is { readonly code: number; readonly reason: string } {
  const { code, reason } = (thrown ?? {}) as { code?: unknown; reason?: unknown };
  return (code === REFUSED || code === TRY_AGAIN) && typeof reason === "string";
}

/** What graphql-ws throws: a list of GraphQL errors, the event of a close, or an error of the WebSocket. */
function asMedleyError(address: string, thrown: unknown): MedleyError {
  if (Array.isArray(thrown)) return graphqlError(thrown as readonly GraphqlError[], null, null);
  if (!isRefusal(thrown)) return unreachable(address, thrown);
  // "UNAUTHENTICATED: This key is not known."
  const [, code = "FORBIDDEN", message = thrown.reason] = /^([A-Z_]+): ([^]*)$/.exec(thrown.reason) ?? [];
  return graphqlError([{ message, extensions: { code, retryable: thrown.code === TRY_AGAIN } }], null, null);
}
