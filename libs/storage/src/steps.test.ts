import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureSpace } from "./spaces.ts";
import { retryFailedSteps } from "./step-control.ts";
import { STEPS, type Step } from "./step-order.ts";
import {
  MAX_ATTEMPTS,
  type StepCounts,
  claimSteps,
  extendLeases,
  failStep,
  listFailedSteps,
  planSteps,
  releaseLeases,
  stepCounts,
} from "./steps.ts";
import { type TestDatabase, openTestDatabase, stopOwner } from "./testing/open-test-database.ts";
import { createCollection } from "./testing/step-collection.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const newCollection = (size: { images: number }) => createCollection(database.db, size);

const idsOf = (claimed: readonly { imageId: string }[]) => claimed.map(({ imageId }) => imageId);
const later = (ms: number) => new Date(Date.now() + ms);
const none: StepCounts = { pending: 0, leased: 0, done: 0, failed: 0, excluded: 0, total: 0 };

test("claims each step once when ten workers poll at the same time", async () => {
  const { corpusId, spaceId, counts } = await newCollection({ images: 200 });
  const claims: string[] = [];
  const pools = [database.db, ...(await Promise.all([1, 2, 3, 4].map(() => database.openAnother())))];
  await Promise.all(
    Array.from({ length: 10 }, async (_, worker) => {
      const db = pools[worker % pools.length] ?? database.db;
      for (;;) {
        const claim = { corpusId, step: "prepare", spaceId, limit: 3, leaseMs: 60_000, owner: `${worker}` } as const;
        const claimed = await claimSteps(db, claim);
        if (claimed.length === 0) return;
        claims.push(...idsOf(claimed));
      }
    }),
  );
  expect(claims).toHaveLength(200);
  expect(new Set(claims).size).toBe(200);
  expect((await counts()).prepare).toEqual({ ...none, leased: 200, total: 200 });
});

test("embeds only what is prepared and captions only what is embedded", async () => {
  const { claim, complete } = await newCollection({ images: 3 });
  expect(await claim("embed", 10)).toEqual([]);
  const prepared = idsOf(await claim("prepare", 2));
  expect(await claim("embed", 10)).toEqual([]);
  await complete("prepare", prepared);
  expect(await claim("caption", 10)).toEqual([]);
  expect(idsOf(await claim("embed", 10)).sort()).toEqual([...prepared].sort());
  await complete("embed", prepared.slice(0, 1));
  expect(idsOf(await claim("caption", 10))).toEqual(prepared.slice(0, 1));
});

test("gives a step back when its worker dies, and not before", async () => {
  const { claim, counts } = await newCollection({ images: 1 });
  expect(await claim("prepare", 1, { owner: "first" })).toMatchObject([{ attempts: 1 }]);
  expect(await claim("prepare", 1, { owner: "second", now: later(59_000) })).toEqual([]);
  expect(await claim("prepare", 1, { owner: "second", now: later(61_000) })).toMatchObject([{ attempts: 2 }]);
  expect((await counts()).prepare).toEqual({ ...none, leased: 1, total: 1 });
});

test("a worker that is still busy can keep its steps", async () => {
  const { claim } = await newCollection({ images: 1 });
  await claim("prepare", 1, { owner: "busy" });
  await extendLeases(database.db, { owners: ["idle", "busy"], leaseMs: 600_000 });
  expect(await claim("prepare", 1, { now: later(61_000) })).toEqual([]);
});

test("a worker that stops in good order gives its steps back without using up an attempt", async () => {
  const { claim } = await newCollection({ images: 1 });
  await claim("prepare", 1, { owner: "leaving/1" });
  await releaseLeases(database.db, { owner: "leav" });
  expect(await claim("prepare", 1, { owner: "next" })).toEqual([]);
  await releaseLeases(database.db, { owner: "leaving" });
  expect(await claim("prepare", 1, { owner: "next" })).toMatchObject([{ attempts: 1 }]);
});

test("retries with a growing delay and fails for good after the last attempt", async () => {
  const { claim, counts, spaceId } = await newCollection({ images: 1 });
  let now = Date.now();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const [claimed] = await claim("prepare", 1, { now: new Date(now) });
    expect(claimed?.attempts).toBe(attempt);
    const failure = { code: "TIMEOUT", message: `attempt ${attempt}`, retryable: true, now: new Date(now) };
    const state = await failStep(database.db, {
      step: "prepare",
      spaceId,
      imageId: claimed?.imageId ?? "",
      ...failure,
    });
    expect(state).toBe(attempt < MAX_ATTEMPTS ? "pending" : "failed");
    const delayMs = 2_000 * 2 ** (attempt - 1);
    expect(await claim("prepare", 1, { now: new Date(now + delayMs - 1) })).toEqual([]);
    now += delayMs;
  }
  expect((await counts()).prepare).toEqual({ ...none, failed: 1, total: 1 });
});

test("a step that kills every worker fails for good, and the steps that wait for it are excluded", async () => {
  const { claim, counts, corpusId } = await newCollection({ images: 1 });
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    expect(await claim("prepare", 1, { now: later(attempt * 100_000) })).toHaveLength(1);
  }
  expect(await claim("prepare", 1, { now: later(1_000_000) })).toEqual([]);
  const { prepare, embed, caption } = await counts();
  expect([prepare.failed, embed.excluded, caption.excluded]).toEqual([1, 1, 1]);
  expect(await listFailedSteps(database.db, corpusId, { limit: 5 })).toMatchObject([{ code: "WORKER_DIED" }]);
});

test("what cannot be retried fails at once, excludes what follows, and can be tried again on request", async () => {
  const { claim, complete, counts, corpusId, spaceId } = await newCollection({ images: 2 });
  const [broken = "", fine = ""] = idsOf(await claim("prepare", 2));
  const failure = { code: "NOT_AN_IMAGE", message: "no picture in 12 bytes", retryable: false };
  expect(await failStep(database.db, { step: "prepare", spaceId, imageId: broken, ...failure })).toBe("failed");
  await complete("prepare", [fine]);
  await complete("embed", idsOf(await claim("embed", 2)));
  await complete("caption-embed", idsOf(await claim("caption-embed", 2)));
  await complete("caption", idsOf(await claim("caption", 2)));
  await complete("filter", idsOf(await claim("filter", 2)));
  const half = { ...none, done: 1, total: 2 };
  expect(await counts()).toEqual({
    prepare: { ...half, failed: 1 },
    embed: { ...half, excluded: 1 },
    "caption-embed": { ...half, excluded: 1 },
    caption: { ...half, excluded: 1 },
    filter: { ...half, excluded: 1 },
  });
  const next = { fingerprint: `${spaceId} next`, name: "next", dimensions: 2, preprocessing: {} };
  const { id: nextSpaceId } = await ensureSpace(database.db, next);
  await planSteps(database.db, { corpusId, spaceId: nextSpaceId, steps: ["embed"] });
  expect((await stepCounts(database.db, corpusId, nextSpaceId)).embed).toMatchObject({ pending: 1, excluded: 1 });
  expect(await retryFailedSteps(database.db, { corpusId })).toBe(6);
  expect(idsOf(await claim("prepare", 2))).toEqual([broken]);
});

test("a late failure does not undo what is done", async () => {
  const { claim, complete, counts, spaceId } = await newCollection({ images: 1 });
  const [imageId = ""] = idsOf(await claim("prepare", 1));
  await complete("prepare", [imageId]);
  const failure = { code: "LATE", message: "after the lease", retryable: false };
  expect(await failStep(database.db, { step: "prepare", spaceId, imageId, ...failure })).toBeNull();
  expect((await counts()).prepare.done).toBe(1);
});

test("planning again adds only what is missing", async () => {
  const { claim, complete, counts, corpusId, spaceId } = await newCollection({ images: 2 });
  await complete("prepare", idsOf(await claim("prepare", 1)));
  await database.db.query("insert into images (corpus_id, sha256) values ($1::uuid, repeat('f', 64))", [corpusId]);
  await planSteps(database.db, { corpusId, spaceId, steps: ["caption"] });
  const { prepare, embed, caption } = await counts();
  expect(prepare).toEqual({ ...none, done: 1, pending: 2, total: 3 });
  expect([embed.total, caption.total]).toEqual([3, 3]);
});

test("every image is accounted for in every step, whatever was killed", async () => {
  const images = 120;
  const { counts, corpusId, spaceId, claim, complete } = await newCollection({ images });
  const completed = new Map<Step, Set<string>>(STEPS.map((step) => [step, new Set()]));
  const sums = async () =>
    Object.values(await counts()).map((c) => c.pending + c.leased + c.done + c.failed + c.excluded);

  for (let round = 0; round < 3; round += 1) {
    const workers = [0, 1].map((number) =>
      startWorker({ corpusId, spaceId, owner: `${round}.${number}`, seed: round + number }),
    );
    const acknowledged = workers.map((worker) => readLines(worker, 4 + round, completed));
    await Promise.all(acknowledged);
    if (round % 2 === 1 && database.db.kind === "embedded") await stopOwner(database.home, "SIGKILL");
    for (const worker of workers) worker.kill("SIGKILL");
    await Promise.all(workers.map((worker) => worker.exitCode ?? worker.signalCode ?? once(worker, "exit")));
    const total = await sums().catch(() => sums());
    expect(total).toEqual(STEPS.map(() => images));
  }

  // Nothing acknowledged was undone, and what the dead workers held can be finished.
  const tomorrow = later(86_400_000);
  for (const step of STEPS) {
    const done = await database.db.query<{ id: string }>(
      "select image_id as id from image_steps where step = $1::text and state = 'done' and (space_id = $2::uuid or $1::text = 'prepare')",
      [step, spaceId],
    );
    const ids = new Set(done.map(({ id }) => id));
    expect([...(completed.get(step) ?? [])].filter((id) => !ids.has(id))).toEqual([]);
    for (let claimed = await claim(step, 50, { now: tomorrow }); claimed.length > 0; ) {
      await complete(step, idsOf(claimed));
      claimed = await claim(step, 50, { now: tomorrow });
    }
  }
  for (const step of Object.values(await counts())) {
    expect(step).toMatchObject({ pending: 0, leased: 0, total: images });
    expect(step.done + step.failed + step.excluded).toBe(images);
  }
}, 180_000);

const WORKER = fileURLToPath(new URL("./testing/step-worker.ts", import.meta.url));

interface Worker {
  readonly corpusId: string;
  readonly spaceId: string;
  readonly owner: string;
  readonly seed: number;
}

function startWorker({ corpusId, spaceId, owner, seed }: Worker): ChildProcess {
  const { home, databaseUrl } = database;
  const options = [WORKER, home, databaseUrl ?? "", corpusId, spaceId, owner, String(seed)];
  return spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Waits for that many acknowledged batches and goes on collecting what is acknowledged after them. */
function readLines(worker: ChildProcess, count: number, completed: Map<Step, Set<string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    worker.once("exit", (code) => reject(new Error(`The worker ended early with ${code}.`)));
    createInterface({ input: worker.stdout ?? process.stdin }).on("line", (line) => {
      const { step, imageIds } = JSON.parse(line) as { step: Step; imageIds: string[] };
      for (const imageId of imageIds) completed.get(step)?.add(imageId);
      seen += 1;
      if (seen === count) resolve();
    });
  });
}
