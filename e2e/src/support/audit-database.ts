import { createRequire } from "node:module";
import { join } from "node:path";
import { REPOSITORY } from "./medley.ts";

/** What is used of the driver. It is a library's own dependency, so it is asked for in its name. */
interface Client {
  connect(): Promise<void>;
  query(text: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }>;
  end(): Promise<void>;
  on(event: "error", listener: () => void): void;
}

const { Client: PgClient } = createRequire(join(REPOSITORY, "libs/storage/package.json"))("pg") as {
  Client: new (options: object) => Client;
};

/**
 * The database as an outsider sees it, with psql or anything else: an audit must not go through the code that it judges. Every call has a connection
 * of its own, because the other end is killed again and again.
 */
export interface AuditDatabase {
  readonly query: <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
}

/** @param home  the embedded database of this home; it must be running already, nothing here starts it */
export function embeddedAudit(home: string): AuditDatabase {
  return auditOf({ host: join(home, "database"), port: 5432, user: "postgres", database: "postgres" });
}

export function serverAudit(url: string): AuditDatabase {
  return auditOf({ connectionString: url, application_name: AUDITOR });
}

/** How the audit calls itself, so that a storm does not kill its own connection. */
export const AUDITOR = "kill-storm";

function auditOf(options: object): AuditDatabase {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const client = new PgClient({ ...options, connectionTimeoutMillis: 5_000, query_timeout: 60_000 });
      client.on("error", () => {});
      await client.connect();
      try {
        return (await client.query(text, [...values])).rows as Row[];
      } finally {
        await client.end().catch(() => {});
      }
    },
  };
}

/** A database of its own on the server, which goes away with the story. */
export async function createServerDatabase(serverUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `medley_storm_${process.pid}_${Date.now()}`;
  const server = serverAudit(serverUrl);
  await server.query(`create database ${name}`);
  const url = serverUrl.replace(/(:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  return { url, drop: async () => void (await server.query(`drop database ${name} with (force)`)) };
}
