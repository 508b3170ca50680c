import type { Database } from "./database.ts";
import { sqlRunner, WAKE_QUEUE } from "./wakes.ts";

const CLEAN_UP_QUEUE = "clean-up";
/** Somebody is waiting for the pictures of an upload. */
const POLL_SECONDS = 1;
const HOUR_SECONDS = 3_600;
/** A database that is away makes every statement of the queue fail; one line a minute says so. */
const FAULT_INTERVAL_MS = 60_000;

export interface WorkQueueListener {
  /** Corpora that somebody woke. Called once for all that wait; what it throws is a fault. */
  readonly onWake: (corpusIds: readonly string[]) => void;
  /** Once a minute in one process of all. */
  readonly onCleanUp: () => Promise<void>;
  /** The queue does not work at the moment; it goes on by itself. At most once a minute. */
  readonly onFault: (message: string) => void;
}

/**
 * Takes wakes (`wakeCorpus`) and the schedule from pg-boss, on the given database's own connections. The queue only says when to look: a job that is lost, or
 * comes twice, changes nothing about what is to be done. Disposing waits for a clean-up that runs.
 */
export async function openWorkQueue(db: Database, listener: WorkQueueListener): Promise<AsyncDisposable> {
  // Commands that end by themselves start faster without it.
  const { PgBoss } = await import("pg-boss");
  const boss = new PgBoss({
    db: sqlRunner(db),
    backend: db.kind === "embedded" ? "pglite" : "postgres",
    migrate: false,
    createSchema: false,
    // The embedded database has one backend for all programs, so what is seldom needed is asked for seldom.
    superviseIntervalSeconds: 60,
    maintenanceIntervalSeconds: HOUR_SECONDS,
    monitorIntervalSeconds: 600,
    bamIntervalSeconds: HOUR_SECONDS,
    flowIntervalSeconds: HOUR_SECONDS,
    cronMonitorIntervalSeconds: 30,
    cronWorkerIntervalSeconds: 5,
    queueCacheIntervalSeconds: 600,
    monitorVacuum: false,
    reindex: false,
  });
  let faultAt = Number.NEGATIVE_INFINITY;
  boss.on("error", (error) => {
    if (performance.now() - faultAt < FAULT_INTERVAL_MS) return;
    faultAt = performance.now();
    listener.onFault(error.message);
  });
  try {
    await boss.start();
    const every = { pollingIntervalSeconds: POLL_SECONDS, batchSize: 100 };
    await boss.work<{ corpusId: string }>(WAKE_QUEUE, every, async (jobs) =>
      listener.onWake(jobs.map(({ data }) => data.corpusId)),
    );
    await boss.schedule(CLEAN_UP_QUEUE, "* * * * *");
    await boss.work(CLEAN_UP_QUEUE, { pollingIntervalSeconds: 10 }, async () => listener.onCleanUp());
  } catch (error) {
    // What has begun of it would go on for as long as the process.
    await boss.stop({ graceful: false }).catch(() => {});
    throw error;
  }
  return { [Symbol.asyncDispose]: () => boss.stop({ graceful: true, timeout: 30_000 }) };
}
