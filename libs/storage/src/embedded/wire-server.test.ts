import { rmSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { temporaryHome } from "../testing/open-test-database.ts";
import { copyTemplate } from "./data-template.ts";
import { SOCKET_NAME, SOCKET_PORT } from "./owner-files.ts";
import { type WireServer, serveWire } from "./wire-server.ts";

const directory = temporaryHome();
const clients: pg.Client[] = [];
let engine: PGlite;
let server: WireServer;

beforeAll(async () => {
  const data = join(directory, "data");
  await copyTemplate(process.env["MEDLEY_DATABASE_TEMPLATE"] ?? join(directory, "templates"), data);
  engine = await PGlite.create({ dataDir: data });
  server = await serveWire({
    engine,
    path: join(directory, SOCKET_NAME),
    idleTransactionMs: 100,
    onConnectionCount: () => {},
    onEngineFailure: (cause) => {
      throw cause;
    },
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => {});
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ host: directory, port: SOCKET_PORT, user: "postgres", database: "postgres" });
  client.on("error", () => {});
  await client.connect();
  clients.push(client);
  return client;
}

/** The part of pg's connection that sends single protocol messages; its types leave it out. */
type RawConnection = {
  removeAllListeners: () => void;
  on: (event: "dataRow" | "readyForQuery", listener: (message: { fields: Buffer[] }) => void) => void;
  parse: (query: { text: string; name: string }) => void;
  bind: (config: { values: string[] }) => void;
  execute: (config: object) => void;
  flush: () => void;
  sync: () => void;
};

test("a statement that one client has parsed is not replaced by another client before it is run", async () => {
  const [first, second] = [await connect(), await connect()];
  const raw = (first as unknown as { connection: RawConnection }).connection;
  raw.removeAllListeners();
  raw.parse({ text: "select $1::text || ' of the first'", name: "" });
  raw.flush();
  const other = second.query("select $1::integer + 1000 as value", [5]);
  const answer = new Promise<string>((resolve) => raw.on("dataRow", ({ fields }) => resolve(String(fields[0]))));
  raw.bind({ values: ["7"] });
  raw.execute({});
  raw.sync();
  expect(await answer).toBe("7 of the first");
  expect((await other).rows).toEqual([{ value: 1005 }]);
});

test("goes on after an error in any part of a statement", async () => {
  const client = await connect();
  for (const [text, values] of [
    ["select nonsense from", []],
    ["select $1::integer", ["not a number"]],
    ["select 1 / $1::integer", [0]],
    ["select nothing_there", undefined],
  ] as const) {
    await expect(client.query(text, values && [...values])).rejects.toBeInstanceOf(pg.DatabaseError);
    expect((await client.query("select $1::text as value", ["fine"])).rows).toEqual([{ value: "fine" }]);
  }
});

test("a transaction that rests too long is rolled back and lets the others go on", async () => {
  const [forgetful, patient] = [await connect(), await connect()];
  await forgetful.query("begin");
  await forgetful.query("create table left_open (id integer)");
  expect((await patient.query("select to_regclass('left_open') as found")).rows).toEqual([{ found: null }]);
  await expect(forgetful.query("commit")).rejects.toThrow();
});

test("the owner's own statements run between those of clients and never inside a client's transaction", async () => {
  const client = await connect();
  await client.query("begin");
  await server.runBetween("create table made_by_owner (id integer)");
  await client.query("rollback");
  const find = async () => (await client.query("select to_regclass('made_by_owner')::text as found")).rows;
  expect(await find()).toEqual([{ found: null }]);
  await server.runBetween("create table made_by_owner (id integer)");
  expect(await find()).toEqual([{ found: "made_by_owner" }]);
});
