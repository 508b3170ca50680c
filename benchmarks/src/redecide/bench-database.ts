import { randomUUID } from "node:crypto";
import { type Database, openDatabase } from "@medley/storage";
import pg from "pg";

/** Where the benchmark may create a database of its own; undefined where the environment names no server. */
export function benchServer(): string | undefined {
  return process.env["BENCH_DATABASE_URL"] || process.env["TEST_DATABASE_URL"] || undefined;
}

/** @param bench whose name the sentence begins with */
export function noServer(bench: string): string {
  return (
    `${bench} needs a PostgreSQL server with pgvector, on which it creates and drops a database of its own (up to 3 GB). ` +
    "Set BENCH_DATABASE_URL (or TEST_DATABASE_URL) to one."
  );
}

/** A fresh, migrated database on that server, dropped in the end. */
export async function createBenchDatabase(
  serverUrl: string,
): Promise<AsyncDisposable & { readonly db: Database; readonly databaseUrl: string }> {
  const name = `medley_bench_${randomUUID().replaceAll("-", "")}`;
  const databaseUrl = withDatabase(serverUrl, name);
  await runOnServer(serverUrl, `create database ${name}`);
  try {
    // One connection, as one command line has.
    const db = await openDatabase({ databaseUrl, home: "", maxConnections: 1 });
    return {
      db,
      databaseUrl,
      async [Symbol.asyncDispose]() {
        await db[Symbol.asyncDispose]();
        await runOnServer(serverUrl, `drop database ${name} with (force)`);
      },
    };
  } catch (error) {
    await runOnServer(serverUrl, `drop database ${name} with (force)`);
    throw error;
  }
}

/** The same address with another database. Not by URL, which refuses an empty host as that of a socket. */
export function withDatabase(serverUrl: string, name: string): string {
  const parts = /^(\w+:\/\/[^/?]*)(?:\/[^?]*)?(\?.*)?$/.exec(serverUrl);
  if (!parts) throw new Error("BENCH_DATABASE_URL is not an address such as postgresql://user@host:5432/postgres.");
  return `${parts[1]}/${name}${parts[2] ?? ""}`;
}

// Storage opens migrated databases only, and one cannot be created inside a transaction: the driver does these two statements.
async function runOnServer(serverUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
