import { createClient } from "graphql-ws";
import WebSocket from "ws";
import type { GraphqlReply } from "./serve.ts";

/**
 * What a subscription says first, in the form of a reply over HTTP: a connection that is refused has the status 401 and the code that its reason
 * begins with.
 * @param credentials  the payload of connection_init
 */
export async function firstEvent(
  url: string,
  query: string,
  credentials: Readonly<Record<string, string>>,
): Promise<GraphqlReply> {
  const client = createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: credentials,
    retryAttempts: 0,
  });
  try {
    return await new Promise<GraphqlReply>((said) => {
      client.subscribe(
        { query },
        {
          next: ({ data, errors }) => said({ status: 200, data, ...(errors && { errors: plain(errors) }) }),
          error: (refused) =>
            said(Array.isArray(refused) ? { status: 200, data: null, errors: plain(refused) } : closed(refused)),
          complete: () => said({ status: 200, data: undefined }),
        },
      );
    });
  } finally {
    await client.dispose();
  }
}

function plain(errors: readonly unknown[]): NonNullable<GraphqlReply["errors"]> {
  return JSON.parse(JSON.stringify(errors)) as NonNullable<GraphqlReply["errors"]>;
}

function closed(event: unknown): GraphqlReply {
  const { reason = "" } = event as { reason?: string };
  return { status: 401, data: undefined, errors: [{ message: reason, extensions: { code: reason.split(":")[0] } }] };
}
