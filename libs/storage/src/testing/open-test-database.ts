import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type Database, openDatabase } from "../database.ts";

// Owners of test databases inherit this; see data-template.ts.
process.env["MEDLEY_DATABASE_TEMPLATE"] ??= fileURLToPath(
  new URL("../../../../node_modules/.cache/medley-database-template", import.meta.url),
);

/** A fresh database on a real engine: the server of TEST_DATABASE_URL, or the embedded one in a home of its own. */
export type TestDatabase = AsyncDisposable & {
  readonly db: Database;
  readonly home: string;
  /** Another connection pool to the same database, as another process would have. */
  readonly openAnother: () => Promise<Database>;
  /** For child processes that open it themselves. */
  readonly databaseUrl: string | undefined;
};

export async function openTestDatabase(): Promise<TestDatabase> {
  const home = temporaryHome();
  const server = process.env["TEST_DATABASE_URL"]
    ? await createServerDatabase(process.env["TEST_DATABASE_URL"])
    : undefined;
  const open = () => openDatabase({ home, databaseUrl: server?.url });
  const opened: Database[] = [await open()];
  return {
    db: opened[0] as Database,
    home,
    databaseUrl: server?.url,
    async openAnother() {
      const another = await open();
      opened.push(another);
      return another;
    },
    async [Symbol.asyncDispose]() {
      for (const database of opened) await database[Symbol.asyncDispose]();
      await server?.drop();
      if (!server) await stopOwner(home);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function createServerDatabase(serverUrl: string) {
  const name = `medley_test_${randomUUID().replaceAll("-", "")}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`create database ${name}`);
  const url = serverUrl.replace(/(:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  return { url, drop: () => run(`drop database ${name} with (force)`) };
}

export function temporaryHome(): string {
  return mkdtempSync(join(tmpdir(), "medley-test-"));
}

export function ownerPid(home: string): number {
  return Number(readFileSync(join(home, "database", "owner.pid"), "utf8"));
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends the embedded database's process and waits until it is gone, so that its files can be removed. */
export async function stopOwner(home: string, signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
  if (!existsSync(join(home, "database", "owner.pid"))) return;
  const pid = ownerPid(home);
  if (isRunning(pid)) process.kill(pid, signal);
  while (isRunning(pid)) await wait(10);
}
