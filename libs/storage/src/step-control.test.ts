import { afterAll, beforeAll, expect, test } from "vitest";
import {
  cancelOperation,
  cancelOperations,
  createOperation,
  failSilentOperations,
  findOperation,
  openOperations,
  updateOperation,
} from "./operations.ts";
import {
  excludeOpenSteps,
  failureClasses,
  pauseCorpus,
  pausedSince,
  raisePriority,
  resumeCorpus,
  retryFailedSteps,
} from "./step-control.ts";
import { STEPS, type Step } from "./step-order.ts";
import { failStep, planSteps, PRIORITIES } from "./steps.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";
import { createCollection } from "./testing/step-collection.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

async function newCollection(size: { images: number }) {
  const { db } = database;
  const { claim: claimed, ...collection } = await createCollection(db, size);
  const claim = async (...wanted: Parameters<typeof claimed>) =>
    (await claimed(...wanted)).map(({ imageId }) => imageId);
  const fail = (step: Step, imageId: string, code: string, retryable = false) =>
    failStep(db, { step, spaceId: collection.spaceId, imageId, code, message: `${code} of the test`, retryable });
  return { db, ...collection, claim, fail };
}

test("hands out nothing of a paused corpus in any process until it is resumed, and takes what was in hand", async () => {
  const { db, corpusId, claim, complete, counts } = await newCollection({ images: 3 });
  const other = await newCollection({ images: 1 });
  const inHand = await claim("prepare", 1);
  const another = await database.openAnother();
  const since = await pauseCorpus(another, corpusId);
  expect(await claim("prepare", 3)).toEqual([]);
  expect(await claim("prepare", 3, { now: new Date(Date.now() + 86_400_000) })).toEqual([]);
  expect(await other.claim("prepare", 3)).toHaveLength(1);
  await complete("prepare", inHand);
  expect((await counts()).prepare).toMatchObject({ done: 1, pending: 2, leased: 0 });
  expect(await pauseCorpus(db, corpusId)).toEqual(since);
  expect(await pausedSince(db, corpusId)).toEqual(since);
  expect(await resumeCorpus(another, corpusId)).toBe(true);
  expect(await resumeCorpus(another, corpusId)).toBe(false);
  expect(await pausedSince(db, corpusId)).toBeNull();
  expect(await claim("prepare", 3)).toHaveLength(2);
});

test("hands out an upload before a bulk import that was there first, and the import first to who asks for the lowest", async () => {
  const { db, corpusId, spaceId, addImages, claim } = await newCollection({ images: 20 });
  const uploads = await addImages(2);
  await planSteps(db, { corpusId, spaceId, steps: [...STEPS], imageIds: uploads, priority: PRIORITIES.upload });
  expect(uploads).not.toContain((await claim("prepare", 1, { first: "lowest" }))[0]);
  expect((await claim("prepare", 2)).sort()).toEqual([...uploads].sort());
  expect(await claim("prepare", 100)).toHaveLength(19);
});

test("moves open steps of a picture up and never down", async () => {
  const { db, claim, complete, addImages, corpusId, spaceId } = await newCollection({ images: 10 });
  const [urgent = ""] = await addImages(1);
  await planSteps(db, { corpusId, spaceId, steps: ["prepare"], imageIds: [urgent], priority: -5 });
  expect(await claim("prepare", 1, { first: "lowest" })).toEqual([urgent]);
  await complete("prepare", [urgent]);
  const [waiting = ""] = await claim("prepare", 1);
  expect(await raisePriority(db, { imageIds: [waiting, urgent], priority: 50 })).toBe(STEPS.length);
  expect(await raisePriority(db, { imageIds: [waiting], priority: 10 })).toBe(0);
  await complete("prepare", await claim("prepare", 100));
  await complete("prepare", [waiting]);
  expect(await claim("embed", 1)).toEqual([waiting]);
  await expect(raisePriority(db, { imageIds: [waiting], priority: 1.5 })).rejects.toThrow("from -100 to 100");
});

test("tries again what the filter names, with what waits for it, and leaves the rest as it is", async () => {
  const { db, corpusId, claim, complete, fail, counts } = await newCollection({ images: 4 });
  const [a = "", b = "", c = "", d = ""] = await claim("prepare", 4);
  await fail("prepare", a, "NOT_AN_IMAGE");
  await complete("prepare", [b, c, d]);
  await claim("embed", 4);
  await fail("embed", b, "INVALID_IMAGE");
  await fail("embed", c, "ENGINE_FAILED", true);
  await complete("embed", [d]);
  await claim("caption-embed", 4);
  await fail("caption-embed", b, "INVALID_TEXT");
  await claim("caption", 4);
  await fail("caption", d, "INVALID_IMAGE");

  // embed of b with its caption and filter; not its caption-embed, and not the caption of d.
  expect(await retryFailedSteps(db, { corpusId, step: "embed", code: "INVALID_IMAGE" })).toBe(3);
  const after = await counts();
  expect(after.embed).toMatchObject({ pending: 2, excluded: 1, failed: 0, done: 1 });
  expect(after.caption).toMatchObject({ failed: 1, excluded: 1 });
  expect(after["caption-embed"]).toMatchObject({ failed: 1, excluded: 1 });

  expect(await retryFailedSteps(db, { corpusId, code: "NO_SUCH_CODE" })).toBe(0);
  expect(await retryFailedSteps(db, { corpusId })).toBe(1 + 4 + 1 + 1);
  for (const step of Object.values(await counts())) expect(step).toMatchObject({ failed: 0, excluded: 0, total: 4 });
});

test("keeps a step excluded as long as another one that it needs has failed", async () => {
  const { db, corpusId, claim, complete, fail, counts } = await newCollection({ images: 1 });
  const [imageId = ""] = await claim("prepare", 1);
  await complete("prepare", [imageId]);
  await claim("embed", 1);
  await fail("embed", imageId, "INVALID_IMAGE");
  await db.query(
    "update image_steps set state = 'failed', error_code = 'TRUNCATED' where image_id = $1::uuid and step = 'prepare'",
    [imageId],
  );
  expect(await retryFailedSteps(db, { corpusId, step: "embed" })).toBe(1);
  expect((await counts()).caption).toMatchObject({ excluded: 1 });
});

test("tells errors that stay from those that pass, and counts both by step and code", async () => {
  const { db, corpusId, spaceId, claim, complete, fail } = await newCollection({ images: 4 });
  const [a = "", b = "", c = "", d = ""] = await claim("prepare", 4);
  await complete("prepare", [a, b, c, d]);
  await claim("embed", 4);
  await fail("embed", a, "INVALID_IMAGE");
  await fail("embed", b, "INVALID_IMAGE");
  await fail("embed", c, "DEADLINE_EXCEEDED", true);
  expect(await failureClasses(db, corpusId, spaceId)).toEqual([
    {
      step: "embed",
      code: "INVALID_IMAGE",
      errorClass: "PERMANENT",
      failed: 2,
      waiting: 0,
      cancelled: 0,
      message: "INVALID_IMAGE of the test",
    },
    {
      step: "embed",
      code: "DEADLINE_EXCEEDED",
      errorClass: "TRANSIENT",
      failed: 0,
      waiting: 1,
      cancelled: 0,
      message: "DEADLINE_EXCEEDED of the test",
    },
  ]);
  expect(await retryFailedSteps(db, { corpusId, errorClass: "TRANSIENT" })).toBe(0);
  expect(await retryFailedSteps(db, { corpusId, errorClass: "PERMANENT" })).toBe(2 * 3);
  await complete("embed", [a, b, c, d]);
  expect(await failureClasses(db, corpusId, spaceId)).toEqual([]);
});

test("cancels what runs for a corpus, once, and never what has ended", async () => {
  const { db, corpusId } = await newCollection({ images: 0 });
  const start = () => createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" });
  const [ended, running, other] = [await start(), await start(), await start()];
  await updateOperation(db, { operationId: ended.id, state: "SUCCEEDED" });
  expect(await cancelOperation(db, ended.id)).toBeNull();
  expect(await cancelOperation(db, other.id)).toMatchObject({ state: "CANCELLED" });
  expect((await openOperations(db, corpusId)).map(({ id }) => id)).toEqual([running.id]);
  expect((await cancelOperations(db, { corpusId, kind: "INGEST" })).map(({ id }) => id)).toEqual([running.id]);
  expect(await cancelOperations(db, { corpusId, kind: "INGEST" })).toEqual([]);
  expect(await cancelOperation(db, running.id)).toBeNull();
  // Its run says that it ended well: too late.
  expect(await updateOperation(db, { operationId: running.id, state: "SUCCEEDED" })).toMatchObject({
    state: "CANCELLED",
  });
  expect((await findOperation(db, running.id))?.finishedAt).toBeInstanceOf(Date);
});

test("leaves nothing to do of a cancelled operation, keeps what is in hand, and brings all of it back with a retry", async () => {
  const { db, corpusId, spaceId, claim, complete, addImages, counts } = await newCollection({ images: 3 });
  await complete("prepare", await claim("prepare", 3));
  const [held = ""] = await claim("embed", 1);
  const { id } = await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" });
  const cancelled = await db.transaction((tx) => cancelOperation(tx, id));
  expect(cancelled).toMatchObject({ state: "CANCELLED", finishedAt: expect.any(Date) as Date });
  expect(await claim("embed", 3)).toEqual([]);
  await complete("embed", [held]);
  expect(await counts()).toMatchObject({
    embed: { done: 1, excluded: 2, pending: 0, leased: 0 },
    caption: { excluded: 3, pending: 0 },
  });
  expect(
    (await failureClasses(db, corpusId, spaceId)).map(({ step, code, cancelled }) => [step, code, cancelled]),
  ).toEqual([
    ["caption", "CANCELLED", 3],
    ["caption-embed", "CANCELLED", 3],
    ["filter", "CANCELLED", 3],
    ["embed", "CANCELLED", 2],
  ]);
  // A picture that comes afterwards is work again.
  const [late = ""] = await addImages(1);
  await planSteps(db, { corpusId, spaceId, steps: ["caption"], imageIds: [late] });
  expect((await counts()).caption).toMatchObject({ pending: 1, excluded: 3 });
  // Of the captions only that of the picture which is embedded can begin.
  expect(await retryFailedSteps(db, { corpusId, step: "caption", code: "CANCELLED" })).toBe(1);
  expect(await retryFailedSteps(db, { corpusId, errorClass: "PERMANENT" })).toBe(0);
  expect(await retryFailedSteps(db, { corpusId })).toBe(2 + 2 + 3 + 3);
  for (const step of Object.values(await counts())) expect(step).toMatchObject({ excluded: 0 });
});

test("takes out what a dead worker held, and steps that are planned later do not wait for what was taken out", async () => {
  const { db, corpusId, spaceId, claim, counts } = await newCollection({ images: 2 });
  await claim("prepare", 1);
  await db.query("update image_steps set lease_until = now() - interval '1 second' where state = 'leased'", []);
  await db.query("delete from image_steps where corpus_id = $1::uuid and step = 'filter'", [corpusId]);
  expect(await excludeOpenSteps(db, corpusId)).toBe(2 * 4);
  expect((await counts()).prepare).toMatchObject({ excluded: 2, pending: 0, leased: 0 });
  await planSteps(db, { corpusId, spaceId, steps: ["filter"] });
  expect((await counts()).filter).toMatchObject({ excluded: 2, pending: 0 });
  expect(await retryFailedSteps(db, { corpusId })).toBe(2 * STEPS.length);
});

test("fails operations of runs that fell silent, and not those that go on", async () => {
  const { db, corpusId } = await newCollection({ images: 0 });
  const [silent, living] = [
    await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" }),
    await createOperation(db, { kind: "INGEST", corpusId, state: "RUNNING" }),
  ];
  await db.query("update operations set updated_at = now() - interval '61 seconds' where id = any ($1::uuid[])", [
    [silent.id, living.id],
  ]);
  await updateOperation(db, { operationId: living.id, counts: { added: 1 } });
  expect(await failSilentOperations(db, { corpusId, kind: "INGEST", silentForMs: 60_000 })).toBe(1);
  expect(await findOperation(db, silent.id)).toMatchObject({ state: "FAILED", errorCode: "WORKER_DIED" });
  expect(await findOperation(db, living.id)).toMatchObject({ state: "RUNNING", errorCode: null });
});
