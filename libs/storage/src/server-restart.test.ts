import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { openDatabase } from "./database.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";

// A server that restarts, as PostgreSQL does when one of its processes is killed: a real engine behind a door that refuses or drops first.

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** What PostgreSQL answers between a crash and the end of its recovery. */
const STARTING_UP = errorResponse("57P03", "the database system is not yet accepting connections");

function errorResponse(code: string, message: string): Buffer {
  const body = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Each connection is treated by the next of `ways`, and led to the engine when there is none left. */
async function openDoor(
  ways: ((socket: Socket) => void)[],
): Promise<{ url: string; door: Server; opened: () => number }> {
  let opened = 0;
  const door = createServer((socket) => {
    opened += 1;
    socket.on("error", () => {});
    const way = ways.shift();
    if (way) return way(socket);
    const engine = connectToEngine();
    engine.on("error", () => socket.destroy());
    socket.pipe(engine).pipe(socket);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return { door, opened: () => opened, url: urlOf((door.address() as AddressInfo).port) };
}

function connectToEngine(): Socket {
  if (database.databaseUrl === undefined) return connect(join(database.home, "database", ".s.PGSQL.5432"));
  const url = new URL(database.databaseUrl.replace("@/", "@socket/"));
  const folder = url.searchParams.get("host");
  return folder ? connect(join(folder, ".s.PGSQL.5432")) : connect(Number(url.port || 5432), url.hostname);
}

function urlOf(port: number): string {
  const name = database.databaseUrl?.match(/^\w+:\/\/[^/]*\/([^?]*)/)?.[1] ?? "postgres";
  return `postgresql://postgres:@127.0.0.1:${port}/${name}`;
}

const refuse = (socket: Socket) => socket.once("data", () => socket.end(STARTING_UP));
const drop = (socket: Socket) => socket.once("data", () => socket.destroy());

test("waits for a server that starts up or drops connections, and opens it then", async () => {
  const { url, door, opened } = await openDoor([refuse, drop, refuse]);
  await using db = await openDatabase({ home: database.home, databaseUrl: url });
  expect(await ensureCorpus(db, { name: "after the restart" })).toMatchObject({ name: "after the restart" });
  expect(opened()).toBeGreaterThan(3);
  door.close();
});

test("does not wait for a server that is not there", async () => {
  const { url, door } = await openDoor([]);
  door.close();
  await once(door, "close");
  const began = performance.now();
  await expect(openDatabase({ home: database.home, databaseUrl: url })).rejects.toMatchObject({
    code: "UNREACHABLE",
    retryable: true,
  });
  expect(performance.now() - began).toBeLessThan(10_000);
});
