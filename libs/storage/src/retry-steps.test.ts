import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { errorClasses } from "./error-classes.ts";
import { cancelOperation, createOperation, findOperation } from "./operations.ts";
import { recordRejectedFile } from "./rejected-files.ts";
import { retryFailedSteps } from "./retry-steps.ts";
import { ensureSpace } from "./spaces.ts";
import { claimSteps, completeSteps, failStep, planSteps, type Step, stepCounts } from "./steps.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

let collections = 0;
const STEPS_OF_TEST = ["prepare", "embed", "caption"] as const;

async function newCollection({ images, steps = STEPS_OF_TEST }: { images: number; steps?: readonly Step[] }) {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: `retry ${(collections += 1)}` });
  const space = { fingerprint: `retry ${collections}`, name: "m", dimensions: 2, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  await db.query(
    "insert into images (corpus_id, sha256) select $1::uuid, lpad(to_hex(n), 64, '0') from generate_series(1, $2::integer) n",
    [corpusId, images],
  );
  await planSteps(db, { corpusId, spaceId, steps });
  const claim = async (step: Step, limit: number) =>
    (await claimSteps(db, { corpusId, step, spaceId, limit, leaseMs: 60_000, owner: "worker" })).map((s) => s.imageId);
  const complete = (step: Step, imageIds: string[]) => completeSteps(db, { step, spaceId, imageIds });
  const fail = (step: Step, imageId: string, code: string) =>
    failStep(db, { step, spaceId, imageId, code, message: code, retryable: false });
  return { corpusId, spaceId, claim, complete, fail, counts: () => stepCounts(db, corpusId, spaceId) };
}

test("opens the steps that failed with one code, and what waited for them, and no others", async () => {
  const { corpusId, claim, complete, fail, counts } = await newCollection({ images: 4 });
  const [a = "", b = "", c = "", d = ""] = await claim("prepare", 4);
  await fail("prepare", a, "TRUNCATED");
  await complete("prepare", [b, c, d]);
  await claim("embed", 4);
  await fail("embed", b, "INVALID_IMAGE");
  await fail("embed", c, "ENGINE_FAILED");
  await complete("embed", [d]);
  await recordRejectedFile(database.db, { corpusId, origin: "x", code: "EMPTY_FILE", message: "empty" });
  expect(await errorClasses(database.db, corpusId)).toEqual([
    { step: "embed", code: "ENGINE_FAILED", count: 1 },
    { step: "embed", code: "INVALID_IMAGE", count: 1 },
    { step: "prepare", code: "TRUNCATED", count: 1 },
    { step: "register", code: "EMPTY_FILE", count: 1 },
  ]);
  expect(await retryFailedSteps(database.db, { corpusId, step: "embed", code: "ENGINE_FAILED" })).toBe(2);
  const { embed, caption } = await counts();
  expect(embed).toMatchObject({ pending: 1, failed: 1, excluded: 1, done: 1 });
  expect(caption).toMatchObject({ pending: 2, excluded: 2 });
  expect(await retryFailedSteps(database.db, { corpusId, step: "filter" })).toBe(0);
  expect(await retryFailedSteps(database.db, { corpusId })).toBe(5);
});

test("a cancelled operation leaves nothing to do, keeps what is in hand, and a retry brings all of it back", async () => {
  const { db } = database;
  const { corpusId, spaceId, claim, complete, counts } = await newCollection({ images: 3 });
  await complete("prepare", await claim("prepare", 3));
  const [held = ""] = await claim("embed", 1);
  const { id } = await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" });
  const cancelled = await db.transaction((tx) => cancelOperation(tx, id));
  expect(cancelled).toMatchObject({ state: "CANCELLED", finishedAt: expect.any(Date) });
  expect(await cancelOperation(db, id)).toBeNull();
  expect(await findOperation(db, id)).toEqual(cancelled);
  expect(await claim("embed", 3)).toEqual([]);
  await complete("embed", [held]);
  expect(await counts()).toMatchObject({
    embed: { done: 1, excluded: 2, pending: 0, leased: 0 },
    caption: { excluded: 3, pending: 0 },
  });
  // Steps that are planned afterwards do not wait for ever for one that was taken out.
  await planSteps(db, { corpusId, spaceId, steps: ["filter"] });
  expect((await counts()).filter).toMatchObject({ pending: 1, excluded: 2 });
  expect(await retryFailedSteps(db, { corpusId, step: "caption", code: "CANCELLED" })).toBe(1);
  expect(await retryFailedSteps(db, { corpusId })).toBe(6);
  expect((await counts()).embed).toMatchObject({ pending: 2, done: 1, excluded: 0 });
});
