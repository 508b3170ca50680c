import type { DocumentTypeDecoration } from "@graphql-typed-document-node/core";
import { type GraphqlError, graphqlError, invalidReply, unreachable } from "./errors.ts";
import { openSubscriptions, type WebSocketClass } from "./subscriptions.ts";

/** What texts have and parsed documents have not, which this package could not send. */
type Text = Pick<string, "toString" | "trim">;

/** A document with the types of its result and variables, as graphql-codegen's client preset makes it with `documentMode: "string"`. */
export type TypedDocument<Result, Variables> = Text & DocumentTypeDecoration<Result, Variables>;

export interface ClientSettings {
  /** Where Medley is served, such as http://localhost:4000; behind a proxy with its path. */
  readonly url: string;
  /** A key that `medley keys create` printed; needed while access is closed. */
  readonly apiKey?: string | undefined;
  /** Stands in for the global fetch. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Stands in for the global WebSocket, which Node has since version 22. */
  readonly webSocket?: WebSocketClass | undefined;
}

export interface RequestOptions {
  /** Ends the request; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Documents without variables may leave them out. */
type Rest<Variables> =
  Record<string, never> extends Variables
    ? [variables?: Variables, options?: RequestOptions]
    : [variables: Variables, options?: RequestOptions];

export interface MedleyClient {
  /** As given, without a slash at the end. */
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Sends one query or mutation. Rejects with MedleyError where the reply has errors, also beside data. */
  request<Result, Variables>(document: TypedDocument<Result, Variables>, ...rest: Rest<Variables>): Promise<Result>;
  request(document: string, variables?: object, options?: RequestOptions): Promise<unknown>;
  /** Events of one subscription: first how things are now, then every change, to the end. Opens a WebSocket while somebody listens. */
  subscribe<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    ...rest: Rest<Variables>
  ): AsyncGenerator<Result, void, undefined>;
}

/** A client of one Medley. It opens nothing and needs no closing. Throws TypeError for a key that no header can carry. */
export function createClient(settings: ClientSettings): MedleyClient {
  const url = withoutSlash(settings.url);
  // Not the bare function: browsers want fetch to be called on the window.
  const fetch: typeof globalThis.fetch = settings.fetch ?? ((...call) => globalThis.fetch(...call));
  if (settings.apiKey !== undefined && !/^[\x21-\x7e]+$/.test(settings.apiKey)) {
    throw new TypeError(
      "apiKey is empty or has a space, a line break or a character beyond ASCII. Pass it as `medley keys create` printed it.",
    );
  }
  const authorization = settings.apiKey === undefined ? {} : { authorization: `Bearer ${settings.apiKey}` };
  const subscriptions = openSubscriptions({ url, authorization, webSocket: settings.webSocket });

  async function request<Result>(document: Text, variables: object = {}, { signal }: RequestOptions = {}) {
    const address = `${url}/graphql`;
    const body = JSON.stringify({ query: document.toString(), variables });
    const headers = { "content-type": "application/json", accept: ACCEPT, ...authorization };
    const response = await fetch(address, { method: "POST", headers, body, signal: signal ?? null }).catch((cause) => {
      throw signal?.aborted ? cause : unreachable(address, cause);
    });
    const { data, errors } = await readReply(address, response, signal);
    if (errors !== undefined && errors.length > 0) throw graphqlError(errors, response.status, data ?? null);
    if (data === undefined || data === null) throw invalidReply(address, response.status);
    return data as Result;
  }

  return {
    url,
    fetch,
    request,
    subscribe: (document: Text, variables: object = {}, { signal }: RequestOptions = {}) =>
      subscriptions.subscribe(document.toString(), variables, signal),
  } as MedleyClient;
}

const ACCEPT = "application/graphql-response+json, application/json;q=0.9";

interface Reply {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlError[];
}

async function readReply(address: string, response: Response, signal: AbortSignal | undefined): Promise<Reply> {
  let reply: unknown;
  try {
    reply = await response.json();
  } catch (cause) {
    throw signal?.aborted ? cause : invalidReply(address, response.status, cause);
  }
  if (typeof reply !== "object" || reply === null) throw invalidReply(address, response.status);
  return reply;
}

function withoutSlash(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new TypeError(`url is "${url}", expected where Medley is served, such as http://localhost:4000.`);
  }
  return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, "");
}
