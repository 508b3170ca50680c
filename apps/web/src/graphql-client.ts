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

/** One GraphQL request to the server that sent the page. The first error rejects: the page asks for nothing by halves. */
export async function requestGraphql<T>(query: string, variables: object, signal: AbortSignal): Promise<T> {
  const response = await post(JSON.stringify({ query, variables }), signal);
  const reply = await readReply<T>(response);
  const [error] = reply.errors ?? [];
  if (error !== undefined) throw new RequestError(error.extensions?.code ?? "UNKNOWN", error.message);
  if (reply.data === undefined || reply.data === null) {
    throw new RequestError("UNKNOWN", `The server answered with HTTP status ${response.status} and no data.`);
  }
  return reply.data;
}

async function post(body: string, signal: AbortSignal): Promise<Response> {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json, application/json" };
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
