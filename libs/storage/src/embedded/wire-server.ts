import { type Server, type Socket, createServer } from "node:net";
import type { PGlite } from "@electric-sql/pglite";

// Why not pglite-socket 0.2.17: it hands every protocol message to the engine by itself, so between the Parse and the
// Bind of one connection it runs the Parse of another, and the one unnamed statement of the one backend is replaced:
// the first client silently gets the answer to the second client's statement (seen on 2026-11-23). Here a connection's
// messages up to its Sync are one unit of work that nothing interrupts.

/** Messages of one connection that must run together. A unit that ends without Sync keeps the engine for its connection. */
type Unit = { readonly connection: Connection; readonly bytes: Buffer; readonly complete: boolean };
type Connection = { readonly socket: Socket; received: Buffer; unit: Buffer[]; started: boolean };

export type WireServer = AsyncDisposable & {
  /** Runs a statement of the process itself, or does nothing while a client is being served. */
  readonly runBetween: (sql: string) => Promise<void>;
};

export type WireServerOptions = {
  readonly engine: PGlite;
  readonly path: string;
  /** A transaction that is left open this long without a statement is rolled back: all others wait for it. */
  readonly idleTransactionMs: number;
  readonly onConnectionCount: (count: number) => void;
  /** The engine itself failed, as opposed to a statement: its memory cannot be trusted any more. */
  readonly onEngineFailure: (cause: unknown) => void;
};

/** Serves PostgreSQL's wire protocol 3.0 for one engine to many connections, one unit or transaction at a time. */
export async function serveWire(options: WireServerOptions): Promise<WireServer> {
  const { engine } = options;
  const connections = new Set<Connection>();
  const queue: Unit[] = [];
  let owner: Connection | undefined;
  let idleTransaction: NodeJS.Timeout | undefined;
  let running = false;
  let closed = false;

  async function runUnits(): Promise<void> {
    if (running) return;
    running = true;
    for (let unit = nextUnit(); unit; unit = nextUnit()) {
      clearTimeout(idleTransaction);
      await runUnit(unit);
      if (owner) idleTransaction = setTimeout(dropOwner, options.idleTransactionMs).unref();
    }
    running = false;
  }

  function nextUnit(): Unit | undefined {
    if (closed) return undefined;
    const index = owner ? queue.findIndex((unit) => unit.connection === owner) : 0;
    return index < 0 ? undefined : queue.splice(index, 1)[0];
  }

  async function runUnit({ connection, bytes, complete }: Unit): Promise<void> {
    try {
      const reply = await execute(bytes);
      if (connection.socket.writable && reply.length > 0) connection.socket.write(reply);
      owner = engine.isInTransaction() || !complete ? connection : undefined;
      if (owner && !connections.has(connection)) await leave(connection);
    } catch (cause) {
      options.onEngineFailure(cause);
    }
  }

  async function execute(bytes: Buffer): Promise<Buffer> {
    const parts: Buffer[] = [];
    await engine.execProtocolRawStream(bytes, { onRawData: (data) => void parts.push(Buffer.from(data)) });
    return Buffer.concat(parts);
  }

  function dropOwner(): void {
    owner?.socket.destroy();
  }

  /** Ends what a connection that went away has left open. */
  async function leave(connection: Connection): Promise<void> {
    for (let index = queue.length - 1; index >= 0; index -= 1) {
      if (queue[index]?.connection === connection) queue.splice(index, 1);
    }
    if (owner !== connection) return;
    await execute(SYNC);
    if (engine.isInTransaction()) await execute(ROLLBACK);
    owner = undefined;
  }

  function accept(socket: Socket): void {
    const connection: Connection = { socket, received: Buffer.alloc(0), unit: [], started: false };
    connections.add(connection);
    options.onConnectionCount(connections.size);
    socket.on("data", (data) => {
      connection.received = connection.received.length > 0 ? Buffer.concat([connection.received, data]) : data;
      for (const unit of readUnits(connection)) queue.push(unit);
      void runUnits();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      connections.delete(connection);
      options.onConnectionCount(connections.size);
      // While a unit runs, runUnit() itself sees that the connection has gone.
      if (running) return;
      running = true;
      leave(connection)
        .catch(options.onEngineFailure)
        .finally(() => {
          running = false;
          void runUnits();
        });
    });
  }

  const server = createServer(accept);
  await listen(server, options.path);
  return {
    async runBetween(sql) {
      if (running || owner || closed) return;
      running = true;
      await execute(simpleQuery(sql)).catch(options.onEngineFailure);
      running = false;
      await runUnits();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(idleTransaction);
      for (const { socket } of connections) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve());
  });
}

const PROTOCOL_3_0 = 196608;
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
const ROLLBACK = simpleQuery("rollback");

function simpleQuery(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.from([0x51, 0, 0, 0, 0]);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Takes the complete units out of what a connection has sent so far. */
function* readUnits(connection: Connection): Generator<Unit> {
  for (;;) {
    const message = connection.started ? takeMessage(connection) : takeStartup(connection);
    if (!message) return;
    if (!connection.started) {
      connection.started = true;
      yield { connection, bytes: message, complete: true };
      continue;
    }
    const kind = String.fromCharCode(message[0] ?? 0);
    if (kind === "X") {
      connection.socket.end();
      return;
    }
    connection.unit.push(message);
    // Q: simple query, S: Sync, c and f: end of a COPY, d: its data; H: Flush, the client waits for an answer before it goes on.
    if (!"QScfdH".includes(kind)) continue;
    yield { connection, bytes: Buffer.concat(connection.unit), complete: kind !== "H" };
    connection.unit = [];
  }
}

function takeStartup(connection: Connection): Buffer | undefined {
  while (connection.received.length >= 8) {
    const length = connection.received.readInt32BE(0);
    const code = connection.received.readInt32BE(4);
    if (connection.received.length < length) return undefined;
    const message = connection.received.subarray(0, length);
    connection.received = connection.received.subarray(length);
    if (code === PROTOCOL_3_0) return message;
    if (code === SSL_REQUEST || code === GSS_REQUEST) connection.socket.write("N");
    else return refuse(connection, code);
  }
  return undefined;
}

/** There is no backend process that a cancel request could interrupt; anything else is not PostgreSQL's protocol 3.0. */
function refuse(connection: Connection, code: number): undefined {
  if (code === CANCEL_REQUEST) connection.socket.end();
  else connection.socket.destroy();
}

function takeMessage(connection: Connection): Buffer | undefined {
  if (connection.received.length < 5) return undefined;
  const length = 1 + connection.received.readInt32BE(1);
  if (connection.received.length < length) return undefined;
  const message = connection.received.subarray(0, length);
  connection.received = connection.received.subarray(length);
  return message;
}
