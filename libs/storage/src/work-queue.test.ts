import { PgBoss } from "pg-boss";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ensureCorpus, findCorpus } from "./corpora.ts";
import type { Queryable } from "./database.ts";
import { declareQuestion } from "./questions.ts";
import { registerImage } from "./images.ts";
import { corporaWithOpenWork } from "./open-work.ts";
import { pauseCorpus, resumeCorpus, retryFailedSteps } from "./step-control.ts";
import { claimSteps, failStep, planSteps } from "./steps.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";
import { sqlRunner, WAKE_QUEUE, wakeCorpus } from "./wakes.ts";
import { openWorkQueue } from "./work-queue.ts";

let opened: TestDatabase;
let corpusId: string;
beforeAll(async () => {
  opened = await openTestDatabase();
});
afterAll(() => opened[Symbol.asyncDispose]());
beforeEach(async () => {
  corpusId = (await ensureCorpus(opened.db, { name: `queue-${Math.random()}` })).id;
  await opened.db.query("delete from pgboss.job");
});

/** Corpora of the jobs that wait. */
async function waiting(db: Queryable = opened.db): Promise<string[]> {
  const rows = await db.query<{ corpusId: string }>(
    `select data ->> 'corpusId' as "corpusId" from pgboss.job where name = $1::text and state = 'created'`,
    [WAKE_QUEUE],
  );
  return rows.map((row) => row.corpusId);
}

test("the migration makes the schema that the installed pg-boss expects", async () => {
  const boss = new PgBoss({ db: sqlRunner(opened.db), migrate: false, createSchema: false, supervise: false });
  await boss.start();
  try {
    expect(await boss.detectSchemaDrift()).toMatchObject({ ok: true });
  } finally {
    await boss.stop();
  }
});

test("a corpus waits once however often it is woken, from the commit on, and never for what was rolled back", async () => {
  const refused = opened.db.transaction(async (tx) => {
    await wakeCorpus(tx, corpusId);
    throw new Error("rolled back");
  });
  await expect(refused).rejects.toThrow("rolled back");
  expect(await waiting()).toEqual([]);
  await opened.db.transaction(async (tx) => {
    await wakeCorpus(tx, corpusId);
    await wakeCorpus(tx, corpusId);
  });
  await wakeCorpus(opened.db, corpusId);
  expect(await waiting()).toEqual([corpusId]);
});

test("a job that waits is not taken before whoever woke the corpus again has committed", async () => {
  await wakeCorpus(opened.db, corpusId);
  const boss = new PgBoss({ db: sqlRunner(opened.db), migrate: false, createSchema: false });
  if (opened.db.kind === "server") {
    await opened.db.transaction(async (tx) => {
      await wakeCorpus(tx, corpusId);
      // Whoever looks meanwhile cannot see what this transaction wrote.
      const another = await opened.openAnother();
      const impatient = new PgBoss({ db: sqlRunner(another), migrate: false, createSchema: false });
      expect(await impatient.fetch(WAKE_QUEUE)).toEqual([]);
    });
  }
  expect(await boss.fetch(WAKE_QUEUE)).toMatchObject([{ data: { corpusId } }]);
  // It is in hand now, so a wake is another job.
  await wakeCorpus(opened.db, corpusId);
  expect(await waiting()).toEqual([corpusId]);
});

test("nobody who wakes a corpus waits for another transaction that does, and no wake is lost", async (context) => {
  if (opened.db.kind !== "server") return context.skip("the embedded database does one transaction at a time");
  const another = await opened.openAnother();
  const seen: string[][] = [];
  await opened.db.transaction(async (tx) => {
    await wakeCorpus(tx, corpusId);
    await another.transaction(async (other) => {
      await other.query("set local lock_timeout = '2s'", []);
      await wakeCorpus(other, corpusId);
    });
    await wakeCorpus(another, corpusId);
    seen.push(await waiting(another));
  });
  seen.push(await waiting());
  // What the others wrote is to be seen already; the first one's rows are not, and its job says so when they are.
  expect(seen).toEqual([
    [corpusId, corpusId],
    [corpusId, corpusId, corpusId],
  ]);
});

test("work is opened also while the queue's tables are away, in whatever transaction", async () => {
  await pauseCorpus(opened.db, corpusId);
  await opened.db.query("alter schema pgboss rename to pgboss_away", []);
  try {
    await opened.db.transaction(async (tx) => {
      expect(await resumeCorpus(tx, corpusId)).toBe(true);
      await ensureCorpus(tx, { name: `beside-${corpusId}` });
    });
    await pauseCorpus(opened.db, corpusId);
    expect(await resumeCorpus(opened.db, corpusId)).toBe(true);
  } finally {
    await opened.db.query("alter schema pgboss_away rename to pgboss", []);
  }
  expect(await findCorpus(opened.db, `beside-${corpusId}`)).not.toBeNull();
});

test("one of two workers learns of a wake, and the clean-up is scheduled once", { timeout: 60_000 }, async () => {
  const heard: string[][] = [[], []];
  const faults: string[] = [];
  const another = await opened.openAnother();
  const listener = (worker: number) => ({
    onWake: (ids: readonly string[]) => void heard[worker]?.push(...ids),
    onCleanUp: async () => {},
    onFault: (message: string) => void faults.push(message),
  });
  await using _first = await openWorkQueue(opened.db, listener(0));
  await using _second = await openWorkQueue(another, listener(1));
  await wakeCorpus(opened.db, corpusId);
  await expect.poll(() => heard.flat(), { timeout: 30_000 }).toEqual([corpusId]);
  const schedules = await opened.db.query("select name from pgboss.schedule where name = 'clean-up'", []);
  expect(schedules).toHaveLength(1);
  expect(faults).toEqual([]);
});

test("what opens work wakes the corpus: a retry, the end of a pause, a question", async () => {
  const sha256 = "a".repeat(64);
  const { imageId } = await registerImage(opened.db, { corpusId, sha256, origin: "a.png", attributes: {} });
  await planSteps(opened.db, { corpusId, spaceId: null, steps: ["prepare"] });
  const claim = { corpusId, step: "prepare", spaceId: null, limit: 1, leaseMs: 1_000, owner: "test/1" } as const;
  expect(await claimSteps(opened.db, claim)).toHaveLength(1);
  const failure = { step: "prepare", spaceId: null, imageId, code: "X", message: "x", retryable: false } as const;
  await failStep(opened.db, failure);
  expect(await waiting()).toEqual([]);
  expect(await retryFailedSteps(opened.db, { corpusId })).toBe(1);
  expect(await waiting()).toEqual([corpusId]);

  await opened.db.query("delete from pgboss.job");
  await pauseCorpus(opened.db, corpusId);
  expect(await waiting()).toEqual([]);
  await resumeCorpus(opened.db, corpusId);
  expect(await waiting()).toEqual([corpusId]);

  await opened.db.query("delete from pgboss.job");
  const question = { name: "people", question: "are there people?", type: "BOOLEAN" } as const;
  await opened.db.transaction((tx) => declareQuestion(tx, corpusId, question));
  expect(await waiting()).toEqual([corpusId]);
});

test("finds corpora with open steps, and none that is done, paused or left out", async () => {
  const found = async (except: string[] = []) => (await corporaWithOpenWork(opened.db, { except })).has(corpusId);
  expect(await found()).toBe(false);
  await registerImage(opened.db, { corpusId, sha256: "b".repeat(64), origin: "b.png", attributes: {} });
  await planSteps(opened.db, { corpusId, spaceId: null, steps: ["prepare"] });
  expect(await found()).toBe(true);
  expect(await found([corpusId])).toBe(false);
  await pauseCorpus(opened.db, corpusId);
  expect(await found()).toBe(false);
});
