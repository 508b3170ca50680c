import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { inCallSpan, inSpan } from "@medley/tracing";
import pg from "pg";
import { connectToOwner } from "./embedded/owner-client.ts";
import { migrate, pendingMigrations, readMigrations } from "./migrate.ts";
import { describeStatement } from "./trace-statement.ts";
import { StorageError, asStorageError, isConnectionLoss, isRestarting } from "./storage-error.ts";

export interface Database extends AsyncDisposable {
  /** Runs one statement by itself. Never call it inside `transaction`: use the argument of `work` there. */
  readonly query: <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** Commits when `work` resolves, rolls back when it rejects. On the embedded database all others wait meanwhile. */
  transaction<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  /** Lends one connection outside a transaction, for what PostgreSQL does in none. Whoever changes a setting sets it back. */
  session<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  readonly kind: "embedded" | "server";
}

/** What every SQL function takes, so that its caller chooses the transaction. */
export type Queryable = Pick<Database, "query">;

export type OpenDatabaseOptions = {
  readonly databaseUrl?: string | undefined;
  readonly home: string;
  readonly maxConnections?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
  /** How long the embedded database's process outlives its last client. */
  readonly idleExitMs?: number | undefined;
};

/** Opens and migrates the server at `databaseUrl`, or without one the embedded database in `<home>/database`. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  return options.databaseUrl ? openServer(options.databaseUrl, options) : openEmbedded(options);
}

// The embedded database has one backend: more connections than this only queue, and its server accepts a limited number.
const EMBEDDED_CONNECTIONS = 2;

async function openEmbedded(options: OpenDatabaseOptions): Promise<Database> {
  const owner = await connectToOwner(options);
  const pool = new pg.Pool({
    host: owner.socketDirectory,
    port: owner.port,
    user: "postgres",
    database: "postgres",
    ssl: false,
    max: Math.min(options.maxConnections ?? EMBEDDED_CONNECTIONS, EMBEDDED_CONNECTIONS),
    // An open connection keeps the database's process alive, so a process that has opened it keeps its connections.
    idleTimeoutMillis: 0,
  });
  const where = `the embedded database in "${options.home}"`;
  const database = fromPool({ pool, kind: "embedded", where, reopen: owner.ensureRunning, close: owner.close });
  try {
    const pending = await waitForStart(() => pendingMigrations(database, readMigrations()));
    if (pending.length === 0) return database;
    throw new StorageError(
      "MIGRATION",
      `The running process of ${where} belongs to an older Medley and lacks "${pending[0]?.name}". Stop everything that uses it, wait ten seconds and start again.`,
    );
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

const SERVER_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;

async function openServer(databaseUrl: string, options: OpenDatabaseOptions): Promise<Database> {
  const where = `DATABASE_URL (${describeUrl(databaseUrl)})`;
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: options.maxConnections ?? SERVER_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  const database = fromPool({ pool, kind: "server", where });
  try {
    const applied = await waitForStart(async () => {
      await requireVectorExtension(database, where);
      return await database.transaction((db) => migrate(db, readMigrations()));
    });
    for (const name of applied) options.log?.(`applied migration ${name}`);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** A server that restarts after a crash is back within seconds; a longer recovery is for a person to know about. */
const START_WAIT_MS = 30_000;
const START_POLL_MS = 250;

/** Repeats the call while the server says that it is starting or ends connections. One that is not there at all is an error at once. */
async function waitForStart<T>(call: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + START_WAIT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isRestarting(error) || performance.now() > deadline) throw error;
      await wait(START_POLL_MS);
    }
  }
}

async function requireVectorExtension(db: Queryable, where: string): Promise<void> {
  const found = await db
    .query<{ available: boolean }>(
      "select exists (select from pg_available_extensions where name = 'vector') as available",
    )
    .catch((cause: unknown) => {
      if (!(cause instanceof StorageError) || cause.code !== "UNREACHABLE") throw cause;
      throw new StorageError(
        "UNREACHABLE",
        `${where} is not reachable: ${reasonOf(cause.cause)}. Check the server, or unset DATABASE_URL to use the embedded database.`,
        { retryable: true, cause },
      );
    });
  if (found[0]?.available) return;
  throw new StorageError(
    "EXTENSION_MISSING",
    `${where} has no extension "vector". Install pgvector 0.8 or later on that server, or unset DATABASE_URL to use the embedded database.`,
  );
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}

/** Host and database of a connection string, without its password. */
function describeUrl(databaseUrl: string): string {
  try {
    // A socket's address may have no host, which is no URL for others.
    const url = new URL(databaseUrl.replace(/^(\w+:\/\/[^/?#]*@)\//, "$1socket/"));
    return `${url.searchParams.get("host") ?? url.host}${url.pathname}`;
  } catch {
    return "unreadable address";
  }
}

type PoolOptions = {
  readonly pool: pg.Pool;
  readonly kind: Database["kind"];
  readonly where: string;
  readonly reopen?: () => Promise<void>;
  readonly close?: () => void;
};

const CONNECT_ATTEMPTS = 5;
const IN_TRACES = { "db.system.name": "postgresql" };

function fromPool({ pool, kind, where, reopen, close }: PoolOptions): Database {
  const openTransaction = new AsyncLocalStorage<{ open: boolean }>();
  // A connection that dies while idle or checked out reports through its query; without listeners Node would exit.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));

  async function connect(): Promise<pg.PoolClient> {
    if (openTransaction.getStore()?.open) {
      throw new Error("Bug: query or transaction of the database called inside a transaction; use the one passed in.");
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await pool.connect();
      } catch (cause) {
        if (!reopen || !isConnectionLoss(cause) || attempt === CONNECT_ATTEMPTS) throw asStorageError(cause, where);
        await wait(50 * attempt);
        await reopen();
      }
    }
  }

  async function run<Row>(client: pg.PoolClient, text: string, values?: readonly unknown[]): Promise<Row[]> {
    try {
      // Without values the simple protocol is used, which a migration of several statements needs.
      const result: pg.QueryResult | pg.QueryResult[] = values
        ? await client.query(text, [...values])
        : await client.query(text);
      return (Array.isArray(result) ? result.flatMap(({ rows }) => rows) : result.rows) as Row[];
    } catch (cause) {
      throw asStorageError(cause, where);
    }
  }

  /** Lends a connection; one that failed, or whose script may have left a transaction open, is closed and not handed to the next caller. */
  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>, isScript = false): Promise<T> {
    const client = await connect();
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = isScript || (error instanceof StorageError && error.code === "UNREACHABLE");
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async function transact<T>(client: pg.PoolClient, work: (db: Queryable) => Promise<T>): Promise<T> {
    const scope = { open: true };
    await run(client, "begin");
    try {
      const outcome = await openTransaction.run(scope, () =>
        work({ query: (text, values) => traced(text, () => run(client, text, values)) }),
      );
      // The server answers "ROLLBACK" when a statement failed and `work` swallowed the error: nothing was saved.
      const { command } = await client.query("commit");
      if (command !== "COMMIT") throw new Error("Bug: a failed statement was ignored inside a transaction.");
      return outcome;
    } catch (error) {
      await client.query("rollback").catch(() => {});
      throw error instanceof Error && isConnectionLoss(error) ? asStorageError(error, where) : error;
    } finally {
      scope.open = false;
    }
  }

  return {
    kind,
    // Traces show both with the time that they wait for a connection.
    query: (text, values) =>
      traced(text, () => withClient((client) => run(client, text, values), values === undefined)),
    session: (work) =>
      withClient((client) => work({ query: (text, values) => traced(text, () => run(client, text, values)) })),
    transaction: (work) => inSpan("transaction", IN_TRACES, () => withClient((client) => transact(client, work))),
    async [Symbol.asyncDispose]() {
      if (pool.ending) return;
      await pool.end();
      close?.();
    },
  };
}

function traced<T>(text: string, work: () => Promise<T>): Promise<T> {
  return inCallSpan(() => describeStatement(text), work);
}

/** Runs `work` in a transaction: a new one on a database, the caller's own when `db` already is one. */
export function inTransaction<T>(db: Queryable | Database, work: (db: Queryable) => Promise<T>): Promise<T> {
  return "transaction" in db ? db.transaction(work) : work(db);
}
