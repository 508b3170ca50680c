import type { GatewayDependencies, RequestLog } from "../context.ts";
import { createGateway, type Gateway } from "../server.ts";

export interface LogLine {
  readonly level: "info" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface ServedGateway extends Gateway {
  readonly lines: LogLine[];
  /** Posts one operation as a modern client does. */
  graphql(query: string, variables?: object, headers?: Record<string, string>): Promise<GraphqlReply>;
}

// Tests read replies freely; the schema types them elsewhere.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

export interface GraphqlReply {
  readonly status: number;
  readonly data: Json;
  readonly errors?: readonly { message: string; path?: unknown[]; extensions: Record<string, unknown> }[];
}

/** A gateway on a free port; `dependencies` may leave out what the test never reaches. */
export async function serveGateway(dependencies: Partial<GatewayDependencies>): Promise<ServedGateway> {
  const lines: LogLine[] = [];
  const log: RequestLog = {
    info: (fields, message) => void lines.push({ level: "info", fields: { ...fields }, message }),
    error: (fields, message) => void lines.push({ level: "error", fields: { ...fields }, message }),
  };
  // Tests that never reach a library are served by a database without rows.
  const db = { kind: "embedded", query: async () => [] } as unknown as GatewayDependencies["db"];
  const uploads = { uploadKey: "a key for tests that is long enough", maxUploadBytes: 1_000_000 };
  const limits = { searchDeadlineMs: 20_000, inferenceDeadlineMs: 20_000 };
  const defaults = { db, siteDirectory: "/nowhere", ...limits, ...uploads, log };
  const gateway = await createGateway({ ...defaults, ...dependencies } as GatewayDependencies, {
    host: "127.0.0.1",
    port: 0,
  });
  return {
    lines,
    url: gateway.url,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
    async graphql(query, variables = {}, given = {}) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/graphql-response+json", ...given },
        body: JSON.stringify({ query, variables }),
      });
      return { status: response.status, ...((await response.json()) as Omit<GraphqlReply, "status">) };
    },
  };
}
