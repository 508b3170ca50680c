// The process that owns an embedded database: node owner.ts HOME IDLE_EXIT_MS. Started by owner-client.ts and by nobody
// else. It locks the directory, migrates, then listens, and leaves when it has had no client for a while.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { migrate, readMigrations } from "../migrate.ts";
import { copyTemplate } from "./data-template.ts";
import { lockDirectory } from "./directory-lock.ts";
import { EXIT_LOCKED, SOCKET_NAME, ownerFiles } from "./owner-files.ts";
import { serveWire } from "./wire-server.ts";

// Longer than a predecessor needs for leaving.
const LOCK_WAIT_MS = 1_000;
// Longer than any transaction of ours waits between two statements; a forgotten one would stop every other client.
const IDLE_TRANSACTION_MS = 60_000;

// PGlite has no autovacuum. Without knowing the sizes the planner reads all steps to claim 32 of them (30,000 images:
// 450 ms instead of 100 on a busy machine). Its counters of changes stay zero, so growth on disk decides; a check costs about 1 ms.
const ANALYZE_EVERY_MS = 5_000;
const ANALYZE_GROWN_TABLES = `do $$
declare grown regclass;
begin
  for grown in
    select oid::regclass from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and pg_relation_size(oid) / 8192 > 20 + 1.5 * greatest(relpages, 0)
  loop
    execute format('analyze %s', grown);
  end loop;
end $$`;

// What the queue writes every minute is updated and deleted soon after.
const VACUUM_QUEUE_EVERY_MS = 600_000;
const VACUUM_QUEUE = "vacuum pgboss.job_common, pgboss.queue, pgboss.version";

await own(process.argv[2] ?? "", Number(process.argv[3]));

async function own(home: string, idleExitMs: number): Promise<void> {
  const files = ownerFiles(home);
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(files.lock, LOCK_WAIT_MS);
  if (!lock) process.exit(EXIT_LOCKED);
  process.title = "medley-database";
  writeFileSync(files.pid, `${process.pid}\n`);
  // A socket's address holds about 100 bytes, a home may be longer: bind it by its name inside the directory.
  process.chdir(files.directory);
  rmSync(SOCKET_NAME, { force: true });
  const templates = process.env["MEDLEY_DATABASE_TEMPLATE"];
  if (templates && !existsSync(files.data)) await copyTemplate(templates, files.data);
  const engine = await PGlite.create({ dataDir: files.data, extensions: { vector } });
  await migrateEngine(engine);

  const leave = async (status: number): Promise<never> => {
    clearTimeout(idleExit);
    await server[Symbol.asyncDispose]();
    // Steps are updated several times each; nobody else removes the old versions.
    for (const vacuum of ["vacuum image_steps", VACUUM_QUEUE]) await engine.exec(vacuum).catch(() => {});
    await engine.close();
    lock[Symbol.dispose]();
    process.exit(status);
  };
  const scheduleExit = () => setTimeout(() => void leave(0), idleExitMs);
  let idleExit = scheduleExit();
  const server = await serveWire({
    engine,
    path: SOCKET_NAME,
    idleTransactionMs: IDLE_TRANSACTION_MS,
    onConnectionCount: (count) => {
      clearTimeout(idleExit);
      if (count === 0) idleExit = scheduleExit();
    },
    onEngineFailure: (cause) => {
      // What was committed is in the files; a fresh process reads it back, this one must not go on.
      console.error("The database engine failed.", cause);
      process.exit(1);
    },
  });
  setInterval(() => void server.runBetween(ANALYZE_GROWN_TABLES), ANALYZE_EVERY_MS).unref();
  setInterval(() => void server.runBetween(VACUUM_QUEUE), VACUUM_QUEUE_EVERY_MS).unref();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void leave(0));
}

async function migrateEngine(engine: PGlite): Promise<void> {
  await engine.transaction((tx) =>
    migrate(
      {
        query: async <Row>(text: string, values?: readonly unknown[]) => {
          if (values) return (await tx.query<Row>(text, [...values])).rows;
          return ((await tx.exec(text)).at(-1)?.rows ?? []) as Row[];
        },
      },
      readMigrations(),
    ),
  );
}
