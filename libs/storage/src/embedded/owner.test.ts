import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";
import { ensureCorpus, listCorpora } from "../corpora.ts";
import { type Database, openDatabase } from "../database.ts";
import { isRunning, ownerPid, stopOwner, temporaryHome } from "../testing/open-test-database.ts";
import { lockDirectory } from "./directory-lock.ts";
import { EXIT_LOCKED } from "./owner-files.ts";

// These tests are about the embedded database alone; they do not look at TEST_DATABASE_URL.

const home = temporaryHome();
const opened: Database[] = [];

async function open(path = home, options: { idleExitMs?: number } = {}): Promise<Database> {
  const database = await openDatabase({ home: path, ...options });
  opened.push(database);
  return database;
}

async function corpusNames(database: Database): Promise<string[]> {
  return (await listCorpora(database)).map(({ name }) => name);
}

async function closeAll(): Promise<void> {
  for (const database of opened.splice(0)) await database[Symbol.asyncDispose]();
}

async function removeHome(path: string): Promise<void> {
  await stopOwner(path);
  rmSync(path, { recursive: true, force: true });
}

afterEach(closeAll);
afterAll(() => removeHome(home));

test("kill -9 of the database's process loses nothing acknowledged in five rounds", async () => {
  const database = await open();
  const acknowledged: string[] = [];
  let written = 0;
  let interruptions = 0;
  const write = async () => {
    written += 1;
    const name = `corpus ${written}`;
    try {
      await ensureCorpus(database, { name });
      acknowledged.push(name);
    } catch (error) {
      expect(error).toMatchObject({ name: "StorageError", code: "UNREACHABLE", retryable: true });
      interruptions += 1;
    }
  };
  for (let round = 1; round <= 5; round += 1) {
    const enough = acknowledged.length + 20 * round;
    const writers = [1, 2].map(async () => {
      while (acknowledged.length < enough) await write();
    });
    while (acknowledged.length < enough - 10) await wait(1);
    await stopOwner(home, "SIGKILL");
    await Promise.all(writers);
  }
  const kept = new Set(await corpusNames(database));
  expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThanOrEqual(20 * 5);
  expect(interruptions).toBeGreaterThan(0);
}, 180_000);

test("two processes that open the same home at the same time share one database", async () => {
  const script = `
    import { openDatabase, ensureCorpus, listCorpora } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    const database = await openDatabase({ home: process.argv[1] });
    await ensureCorpus(database, { name: process.argv[2] });
    console.log("written");
    process.stdin.resume();`;
  const processes = ["first", "second"].map((name) =>
    spawn(process.execPath, ["--input-type=module", "--eval", script, home, name], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  await Promise.all(processes.map((child) => once(child.stdout, "data")));
  const database = await open();
  expect(await corpusNames(database)).toEqual(expect.arrayContaining(["first", "second"]));
  const lockFile = join(home, "database", "lock");
  expect(lockDirectory(lockFile, 0)).toBeUndefined();
  for (const child of processes) child.kill("SIGKILL");
});

test("a second owner of the same directory refuses to start", async () => {
  await open();
  const main = fileURLToPath(new URL("./owner.ts", import.meta.url));
  const [status] = (await once(spawn(process.execPath, [main, home, "1000"]), "exit")) as [number];
  expect(status).toBe(EXIT_LOCKED);
});

test("what a killed owner leaves behind (lock, socket, process id) does not keep the next one out", async () => {
  const first = await open();
  await ensureCorpus(first, { name: "kept" });
  const killed = ownerPid(home);
  await stopOwner(home, "SIGKILL");
  const second = await open();
  expect(ownerPid(home)).not.toBe(killed);
  expect(await corpusNames(second)).toContain("kept");
});

test("the database's process outlives one client, and leaves when the last one has gone", async () => {
  await stopOwner(home);
  const first = await open(home, { idleExitMs: 200 });
  const second = await open();
  const pid = ownerPid(home);
  await first[Symbol.asyncDispose]();
  opened.shift();
  await ensureCorpus(second, { name: "still here" });
  expect(ownerPid(home)).toBe(pid);
  await closeAll();
  const deadline = Date.now() + 30_000;
  while (isRunning(pid) && Date.now() < deadline) await wait(20);
  expect(isRunning(pid)).toBe(false);
  expect(await corpusNames(await open())).toContain("still here");
});

test("a home with a path longer than a socket address may be", async () => {
  const parent = temporaryHome();
  const long = join(parent, "a-folder-with-quite-a-long-name".repeat(5));
  const database = await open(long);
  expect(await database.query("select 1 as one", [])).toEqual([{ one: 1 }]);
  await closeAll();
  await removeHome(long);
  rmSync(parent, { recursive: true });
});

test("says what is wrong when the data directory cannot be opened", async () => {
  const broken = temporaryHome();
  mkdirSync(join(broken, "database", "data"), { recursive: true });
  writeFileSync(join(broken, "database", "data", "PG_VERSION"), "9.6\n");
  await expect(openDatabase({ home: broken })).rejects.toMatchObject({
    code: "UNREACHABLE",
    message: expect.stringContaining("did not start") as string,
  });
  rmSync(broken, { recursive: true });
});

test("a server that is not there is named, with what to do", async () => {
  await expect(
    openDatabase({ home: "unused", databaseUrl: "postgres://user:secret@127.0.0.1:1/medley" }),
  ).rejects.toMatchObject({
    code: "UNREACHABLE",
    retryable: true,
    message: expect.stringMatching(
      /^DATABASE_URL \(127\.0\.0\.1:1\/medley\) is not reachable: .*ECONNREFUSED.*Check/,
    ) as string,
  });
});

test("statements of several connections never mix, however their messages are cut", async () => {
  const pools = await Promise.all([open(), open(), open()]);
  const long = "x".repeat(300_000);
  let wrong = 0;
  await Promise.all(
    pools.flatMap((database, pool) =>
      [0, 1].map(async (line) => {
        for (let index = 0; index < 40; index += 1) {
          const value = `${pool}.${line}.${index}${index % 4 === 0 ? long : ""}`;
          const text = line === 0 ? "select $1::text as value" : `select $1::text || '' as value, ${pool} as pool`;
          const [row] = await database.query<{ value: string }>(text, [value]);
          if (row?.value !== value) wrong += 1;
        }
      }),
    ),
  );
  expect(wrong).toBe(0);
});

test("a client that vanishes inside a transaction is rolled back and holds nobody up", async () => {
  const database = await open();
  const script = `
    import { openDatabase, ensureCorpus } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    const database = await openDatabase({ home: process.argv[1] });
    await database.transaction(async (db) => {
      await ensureCorpus(db, { name: "half done" });
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => {});
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, home], { stdio: "inherit" });
  expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
  expect(await corpusNames(database)).not.toContain("half done");
});

test("garbage on the socket does not disturb the database", async () => {
  const database = await open();
  const socket = connect(join(home, "database", ".s.PGSQL.5432"));
  socket.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await Promise.race([once(socket, "close"), wait(200)]);
  socket.destroy();
  expect(await database.query("select 1 as one", [])).toEqual([{ one: 1 }]);
});
