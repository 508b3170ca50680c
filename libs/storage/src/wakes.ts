import { randomUUID } from "node:crypto";
import { type Database, inTransaction, type Queryable } from "./database.ts";
import { StorageError } from "./storage-error.ts";

/** Jobs that say: this corpus has work. Made by migration 0018. */
export const WAKE_QUEUE = "wake-corpus";

/** Database functions that pg-boss is given in place of a pool of its own. */
export type SqlRunner = {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
};

export function sqlRunner(db: Queryable): SqlRunner {
  return {
    // A text without values is a script of several statements; pg-boss wants the rows of all of them.
    executeSql: async (text, values) => ({ rows: await db.query(text, values?.length ? values : undefined) }),
  };
}

/**
 * Tells the workers that look for work that this corpus has some. In a transaction they learn of it when that commits, and never when it rolls back.
 * A corpus that is waiting for its worker already is told once. Work is derived from rows: whoever forgets to call this only makes it wait for
 * the workers' next look of their own. So where the queue does not work nothing else fails for it; workers say that it does not.
 */
export async function wakeCorpus(db: Queryable | Database, corpusId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.query("savepoint wake", []);
    try {
      await enqueue(tx, corpusId);
    } catch (error) {
      if (error instanceof StorageError && error.retryable && error.code === "UNREACHABLE") throw error;
      await tx.query("rollback to savepoint wake", []);
    }
    await tx.query("release savepoint wake", []);
  });
}

async function enqueue(tx: Queryable, corpusId: string): Promise<void> {
  // Most programs never enqueue anything, and start faster without it.
  const { PgBoss } = await import("pg-boss");
  // One for each call, for it reads its queues through the connection that it is given; it is never started, so it holds nothing.
  const connection = sqlRunner(tx);
  const boss = new PgBoss({ db: connection, migrate: false, createSchema: false });
  const [held] = await tx.query<{ mine: boolean }>(
    "select pg_try_advisory_xact_lock(hashtextextended('wake ' || $1::text, 0)) as mine",
    [corpusId],
  );
  // Where another transaction has the corpus's job in hand, waiting for it would be a wait for all else that it does, and for each other in turn.
  const singletonKey = held?.mine === true ? corpusId : `${corpusId} ${randomUUID()}`;
  // Not `send`, which does nothing where a job waits already: a worker could take that job before the caller's rows are there to be seen. An
  // update keeps it from being taken until the caller commits.
  await boss.upsert(WAKE_QUEUE, { corpusId }, { singletonKey, db: connection });
}
