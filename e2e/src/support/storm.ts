import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type AuditDatabase, AUDITOR, createServerDatabase, embeddedAudit, serverAudit } from "./audit-database.ts";
import {
  commandOf,
  createHome,
  freePort,
  type Invocation,
  killProcess,
  medley,
  parseLines,
  processesWith,
  type RunningMedley,
  startMedley,
} from "./medley.ts";
import { type FolderSize, type MixedFolder, writeMixedFolder } from "./mixed-folder.ts";
import { writeRandomModels } from "./models.ts";
import { seededRandom } from "./seeded-random.ts";
import {
  auditBlobs,
  auditCorpus,
  auditOperations,
  auditReport,
  openSteps,
  type Finding,
  progressOf,
  STEPS,
} from "./storm-audit.ts";

export const VICTIMS = ["ingest worker", "inference server", "database"] as const;
export type Victim = (typeof VICTIMS)[number];

export interface StormOptions {
  readonly size: FolderSize;
  /** What is killed, in this order. */
  readonly victims: readonly Victim[];
  /** Of the moments of the kills and of the choice among several processes. */
  readonly seed: number;
  /** Waits a minute for the operations of killed runs to be known as dead. */
  readonly checkOperations: boolean;
  /** A native PostgreSQL, on which the ingest has three workers: that of `medley start`, and two of `medley ingest`. */
  readonly serverUrl?: string | undefined;
  readonly say: (line: string) => void;
}

export interface StormReport {
  readonly kills: Readonly<Record<Victim, number>>;
  /** How often a command had to be started again. */
  readonly restarts: number;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

const CORPUS = "storm";
const POLL_MS = 100;
/** A dead worker's leases take 20 s to run out, and a killed server some more to recover. */
const STANDSTILL_MS = 180_000;
/** Kills after this share of the work could come too late: the last steps are quick. */
const LAST_KILL_AT = 0.93;

/**
 * Brings a generated folder in with the real command line and real models while processes are killed with SIGKILL at random moments, starts again what dies,
 * and says afterwards what is not as it must be.
 */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const began = performance.now();
  const { say } = options;
  await using folderHome = createHome();
  await using home = createHome();
  await using cleanup = new AsyncDisposableStack();
  const folder = await writeMixedFolder(join(folderHome.path, "pictures"), options.size);
  say(
    `${folder.good.length} good files (${options.size.twins} of them copies), ${folder.bad.size} bad ones; seed ${options.seed}`,
  );
  const server = options.serverUrl === undefined ? undefined : await createServerDatabase(options.serverUrl);
  if (server) cleanup.defer(server.drop);
  const invocation: Invocation = {
    home: home.path,
    models: writeRandomModels(home.path),
    env: { ...(server && { DATABASE_URL: server.url }), MEDLEY_PORT: String(await freePort()) },
  };
  const storm: Storm = {
    ...options,
    invocation,
    folder,
    isServer: server !== undefined,
    db: server ? serverAudit(server.url) : embeddedAudit(home.path),
    random: seededRandom(options.seed),
    work: folder.good.length + folder.bad.size + options.size.pictures * STEPS.length,
    killed: { "ingest worker": 0, "inference server": 0, database: 0 },
  };
  const ingest = ["ingest", folder.path, "--corpus", CORPUS, "--json"];
  const runs = server
    ? [keptRun(storm, ["start", "--no-demo", "--json"]), keptRun(storm, ingest), keptRun(storm, ingest)]
    : [keptRun(storm, ingest)];
  await killAll(storm, runs);
  say("the last kill is done; waiting for the runs to end");
  await watch(storm, runs, () => runs.every((run) => run.isDone()));
  for (const run of runs) await run.stop();
  // Operations of the dead are told from those of the living by their silence.
  if (options.checkOperations) await wait(SILENCE_MS);
  const last = await medley(ingest, invocation);
  const report = auditReport(parseLines(last.stdout), folder);
  const ended = { promise: "the last run ends well", violations: last.code === 0 ? [] : [last.stderr.slice(-500)] };
  return {
    kills: storm.killed,
    restarts: runs.reduce((sum, run) => sum + run.restarts(), 0),
    findings: [
      ended,
      report,
      ...(await auditCorpus(storm.db, CORPUS, folder)),
      ...(options.checkOperations ? [await auditOperations(storm.db, CORPUS)] : []),
      auditBlobs(storedBlobs(home.path), folder),
    ],
    seconds: (performance.now() - began) / 1000,
  };
}

/** A run that says nothing for a minute is taken for dead. */
const SILENCE_MS = 61_000;

interface Storm extends StormOptions {
  readonly invocation: Invocation;
  readonly folder: MixedFolder;
  readonly isServer: boolean;
  readonly db: AuditDatabase;
  readonly random: () => number;
  /** Files to take or refuse and steps to end. */
  readonly work: number;
  readonly killed: Record<Victim, number>;
}

/** A command that is started again when it dies. */
interface KeptRun {
  readonly keep: () => void;
  readonly isDone: () => boolean;
  readonly restarts: () => number;
  readonly stop: () => Promise<void>;
}

const PAUSE_BEFORE_RESTART_MS = 500;

function keptRun({ invocation, say }: Storm, args: readonly string[]): KeptRun {
  const isServer = args[0] === "start";
  let running: RunningMedley = startMedley(args, invocation);
  let done = false;
  let restarts = 0;
  let endedAt: number | undefined;
  return {
    keep() {
      if (done || !running.hasEnded()) return;
      if (endedAt === undefined) {
        endedAt = performance.now();
        void running.ended.then(({ code, signal, stderr }) => {
          done = code === 0 && !isServer;
          const lastWords = stderr.trim().split("\n").at(-1) ?? "";
          say(`  medley ${args[0]} ended with ${signal ?? code}${done ? "" : `: ${lastWords.slice(0, 160)}`}`);
        });
      } else if (performance.now() - endedAt > PAUSE_BEFORE_RESTART_MS) {
        restarts += 1;
        endedAt = undefined;
        running = startMedley(args, invocation);
      }
    },
    isDone: () => done || isServer,
    restarts: () => restarts,
    async stop() {
      if (!running.hasEnded()) running.signal("SIGTERM");
      await running.ended;
    },
  };
}

/** So many victims, each drawn by the seed. */
export function drawVictims(kills: number, seed: number): Victim[] {
  const random = seededRandom(seed);
  return Array.from({ length: kills }, () => VICTIMS[Math.floor(random() * VICTIMS.length)] as Victim);
}

/** One kill in each of as many equal parts of the work, anywhere within its part. */
async function killAll(storm: Storm, runs: readonly KeptRun[]): Promise<void> {
  const kills = storm.victims.length;
  const moments = storm.victims.map((_, index) => (index + storm.random()) / kills);
  for (const [index, victim] of storm.victims.entries()) {
    const at = (moments[index] ?? 1) * LAST_KILL_AT;
    const draw = storm.random();
    let progress = 0;
    await watch(storm, runs, (done) => {
      progress = done / storm.work;
      if (runs.some((run) => run.isDone()) && !storm.isServer)
        throw new Error(`The ingest ended after ${index} kills.`);
      return progress >= at;
    });
    let killed: string | undefined;
    await watch(storm, runs, async () => (killed = await kill(storm, victim, draw)) !== undefined);
    storm.killed[victim] += 1;
    storm.say(`kill ${index + 1} of ${kills} at ${(progress * 100).toFixed(1)} %: ${killed}`);
  }
}

/** Kills one of that kind. Returns what it killed, or undefined while there is none. */
async function kill(storm: Storm, victim: Victim, draw: number): Promise<string | undefined> {
  if (victim === "database" && storm.isServer) return await killBackend(storm.db, draw);
  const commands = {
    "ingest worker": "apps/ingest/src/main.ts",
    "inference server": "apps/inference/src/main.ts",
    database: "medley-database",
  };
  const pid = pick(processesWith(storm.invocation.home, commands[victim]), draw);
  if (pid === undefined) return undefined;
  const command = commandOf(pid).match(/main\.ts \w+/)?.[0] ?? "";
  killProcess(pid, "SIGKILL");
  return `${victim} (process ${pid}${command && `, ${command}`})`;
}

/** The server's process for one connection: killed where it runs on this machine, after which the server restarts itself; else ended by the server. */
async function killBackend(db: AuditDatabase, draw: number): Promise<string | undefined> {
  const backends = await db
    .query<{ pid: number }>(
      `select pid from pg_stat_activity
       where datname = current_database() and backend_type = 'client backend' and application_name <> $1::text order by pid`,
      [AUDITOR],
    )
    .catch(() => []);
  const pid = pick(
    backends.map((backend) => backend.pid),
    draw,
  );
  if (pid === undefined) return undefined;
  if (commandOf(pid).startsWith("postgres:")) {
    killProcess(pid, "SIGKILL");
    return `database (backend ${pid}, with kill -9: the server restarts)`;
  }
  await db.query("select pg_terminate_backend($1::integer)", [pid]);
  return `database (backend ${pid}, ended by the server)`;
}

function pick<Item>(items: readonly Item[], draw: number): Item | undefined {
  return items[Math.floor(draw * items.length)];
}

/** Keeps the runs alive until the condition holds; it is given how much is done. Throws when nothing moves for long. */
async function watch(
  storm: Storm,
  runs: readonly KeptRun[],
  condition: (done: number) => boolean | Promise<boolean>,
): Promise<void> {
  let done = 0;
  let movedAt = performance.now();
  for (;;) {
    for (const run of runs) run.keep();
    // While the database is dead nobody knows: it counts as no progress.
    const now = await progressOf(storm.db, CORPUS).catch(() => done);
    if (now !== done) movedAt = performance.now();
    done = now;
    if (await condition(done)) return;
    if (performance.now() - movedAt > STANDSTILL_MS) {
      const open = (await openSteps(storm.db, CORPUS)).join("\n  ");
      throw new Error(`Nothing moved for ${STANDSTILL_MS / 1000} s: ${done} of ${storm.work} done. Open:\n  ${open}`);
    }
    await wait(POLL_MS);
  }
}

/** Files under `<home>/blobs`, without the drafts that a killed writer left behind. */
function storedBlobs(home: string): string[] {
  const root = join(home, "blobs");
  return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name) ? [join(entry.parentPath, entry.name)] : [],
  );
}
