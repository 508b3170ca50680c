import type { Queryable } from "./database.ts";

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
 * the workers' next look of their own.
 */
export async function wakeCorpus(db: Queryable, corpusId: string): Promise<void> {
  // Most programs never enqueue anything, and start faster without it.
  const { PgBoss } = await import("pg-boss");
  // One for each call, for it reads its queues through the connection that it is given; it is never started, so it holds nothing.
  const connection = sqlRunner(db);
  const boss = new PgBoss({ db: connection, migrate: false, createSchema: false });
  // Not `send`, which does nothing where a job waits already: a worker could take that job before the caller's rows are there to be seen. An
  // update keeps it from being taken until the caller commits.
  await boss.upsert(WAKE_QUEUE, { corpusId }, { singletonKey: corpusId, db: connection });
}
