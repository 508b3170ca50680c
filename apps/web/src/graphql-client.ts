import { apiKeyState, refuseApiKey } from "./api-key.ts";

/** An answer that is not data; `message` is for people. */
export class RequestError extends Error {
  /** Stable code of the server, or UNREACHABLE. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "RequestError";
    this.code = code;
  }
}

interface GraphqlReply<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** The server wants a key, or another one than it was shown. */
export const UNAUTHENTICATED = "UNAUTHENTICATED";

/**
 * One GraphQL request to the server that sent the page, with the key that the reader gave. The first error rejects: the page asks for nothing by
 * halves.
 */
export async function requestGraphql<T>(query: string, variables: object, signal: AbortSignal): Promise<T> {
  const { key } = apiKeyState();
  const response = await post(JSON.stringify({ query, variables }), key, signal);
  const reply = await readReply<T>(response);
  const [error] = reply.errors ?? [];
  if (error !== undefined) {
    const code = error.extensions?.code ?? "UNKNOWN";
    if (code === UNAUTHENTICATED) refuseApiKey(key, error.message);
    throw new RequestError(code, error.message);
  }
  if (reply.data === undefined || reply.data === null) {
    throw new RequestError("UNKNOWN", `The server answered with HTTP status ${response.status} and no data.`);
  }
  return reply.data;
}

async function post(body: string, key: string | null, signal: AbortSignal): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json",
    ...(key !== null && { authorization: `Bearer ${key}` }),
  };
  try {
    return await fetch("/graphql", { method: "POST", headers, body, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new RequestError("UNREACHABLE", "The server does not answer. Is it running? Try again in a moment.");
  }
}

async function readReply<T>(response: Response): Promise<GraphqlReply<T>> {
  try {
    return (await response.json()) as GraphqlReply<T>;
  } catch {
    throw new RequestError("UNKNOWN", `The server answered with HTTP status ${response.status} and no JSON.`);
  }
}
