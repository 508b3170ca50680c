import { setTimeout as wait } from "node:timers/promises";
import { createFakeInference } from "@medley/inference-api/testing";
import { sha256Hex } from "@medley/media";
import {
  activeSpace,
  cancelOperations,
  clearDeletedCorpora,
  completeSteps,
  countImages,
  createOperation,
  type Database,
  deleteCorpus,
  ensureCorpus,
  findCorpus,
  findOperation,
  listOperations,
  pauseCorpus,
  planSteps,
  PRIORITIES,
  registerImage,
  removeUnusedBlobs,
  resumeCorpus,
  retryFailedSteps,
  STEPS,
  StorageError,
  stepCounts,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderOf, openIngestForTest } from "./testing/ingest-for-test.ts";
import { png } from "./testing/pictures.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench.db[Symbol.asyncDispose]());

const picturesFrom = (first: number, count: number) =>
  folderOf(Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.png`, png(first + index)])));

const idOf = async (corpus: string) => {
  const found = await findCorpus(bench.db, corpus);
  if (!found) throw new Error(`There is no corpus "${corpus}".`);
  return found.id;
};

/** An engine whose calls take a while, so that somebody can decide something meanwhile. */
const slowEngine = (onCall: (method: string) => Promise<void>, delayMs = 300) =>
  createFakeInference({
    readBlob: bench.blobs.read,
    before: async (method) => {
      await onCall(method);
      await wait(delayMs);
    },
  });

test("stops in good order when another process cancels its operation, leaves nothing open, and goes on after a retry", async () => {
  const corpus = bench.newCorpus();
  const root = picturesFrom(1000, 60);
  await using another = await bench.open();
  const inference = slowEngine(async () => {
    const corpusId = await idOf(corpus);
    await another.transaction((tx) => cancelOperations(tx, { corpusId, kind: "INGEST" }));
  });
  const began = performance.now();
  const stopped = await bench.ingest(corpus, root, { inference });
  expect(stopped.outcome).toBe("CANCELLED");
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(stopped.steps.caption.done).toBeLessThan(60);
  for (const { leased } of Object.values(stopped.steps)) expect(leased).toBe(0);
  const [operation] = await listOperations(bench.db, { limit: 1 });
  expect(operation).toMatchObject({ corpusId: await idOf(corpus), state: "CANCELLED" });
  for (const { pending } of Object.values(stopped.steps)) expect(pending).toBe(0);
  expect((await bench.ingest(corpus, undefined)).idle).toBe(true);
  await retryFailedSteps(bench.db, { corpusId: await idOf(corpus) });
  expect((await bench.ingest(corpus, root)).steps.filter).toMatchObject({ done: 60, total: 60 });
});

test("an import ends when its corpus is deleted, and nothing of it is left behind, nor what it was reading", async () => {
  const corpus = bench.newCorpus();
  // With bytes behind the picture, for no other corpus of this file may have the same ones.
  const pictures = Array.from({ length: 200 }, (_, number) =>
    Buffer.concat([png(number), Buffer.from("to be deleted")]),
  );
  const root = folderOf(Object.fromEntries(pictures.map((bytes, number) => [`${number}.png`, bytes])));
  const hashes = pictures.map(sha256Hex);
  let deletion: Promise<unknown> | undefined;
  const onRegistration = () => {
    deletion ??= idOf(corpus).then((corpusId) => bench.db.transaction((tx) => deleteCorpus(tx, corpusId)));
  };
  const run = bench.ingest(corpus, root, { captions: false, onRegistration });
  await expect(run).rejects.toMatchObject({ code: "CORPUS_DELETED", message: expect.stringContaining("was deleted") });
  await deletion;
  const files = bench.contextOf();
  expect(await clearDeletedCorpora(bench.db, files)).toBe(true);
  await removeUnusedBlobs(bench.db, files);
  const left = await Promise.all(
    hashes.map(async (sha256) => [await bench.blobs.has(sha256), await files.thumbnails.has(sha256, "320.webp")]),
  );
  expect(left.flat().filter(Boolean)).toEqual([]);
});

test("reads and begins nothing of a paused corpus, says so, and goes on by itself when it is resumed", async () => {
  const corpus = bench.newCorpus();
  const { id: corpusId } = await ensureCorpus(bench.db, { name: corpus });
  await pauseCorpus(bench.db, corpusId);
  const calls: string[] = [];
  const inference = createFakeInference({
    readBlob: bench.blobs.read,
    before: (method) => void calls.push(method),
  });
  const running = bench.ingest(corpus, picturesFrom(1100, 20), { inference });
  while (!bench.notes.some((note) => note.includes(`steps resume --corpus ${corpus}`))) await wait(50);
  expect(await countImages(bench.db, corpusId)).toBe(0);
  expect(calls).toEqual([]);
  await resumeCorpus(bench.db, corpusId);
  expect(await running).toMatchObject({ outcome: "DONE", added: 20 });
});

test("ends a run that has nothing to read when the corpus is paused, with its steps still open", async () => {
  const corpus = bench.newCorpus();
  await bench.ingest(corpus, picturesFrom(1200, 60), { captions: false });
  const corpusId = await idOf(corpus);
  const inference = slowEngine(async () => void (await pauseCorpus(bench.db, corpusId)));
  const paused = await bench.ingest(corpus, undefined, { inference });
  expect(paused.outcome).toBe("PAUSED");
  const { pending, leased } = paused.steps.filter;
  expect([pending, leased]).toEqual([60, 0]);
  expect((await listOperations(bench.db, { limit: 1 }))[0]).toMatchObject({ state: "CANCELLED", errorCode: "PAUSED" });
  await resumeCorpus(bench.db, corpusId);
  expect((await bench.ingest(corpus, undefined)).steps.filter).toMatchObject({ done: 60 });
});

test("takes up a picture that another process brought while captions were written, though nobody else embeds it", async () => {
  const corpus = bench.newCorpus();
  const sha256 = await bench.blobs.put(png(1300));
  let came = false;
  const inference = slowEngine(async (method) => {
    if (method !== "captionImages" || came) return;
    came = true;
    const corpusId = await idOf(corpus);
    const spaceId = (await activeSpace(bench.db, corpusId))?.id ?? null;
    const { imageId } = await registerImage(bench.db, { corpusId, sha256, origin: "late", attributes: {} });
    await planSteps(bench.db, { corpusId, spaceId, steps: [...STEPS], imageIds: [imageId] });
  }, 50);
  const progress = await bench.ingest(corpus, picturesFrom(1310, 4), { inference });
  for (const step of STEPS) expect(progress.steps[step], step).toMatchObject({ done: 5, total: 5 });
});

test("goes on with a bulk import while uploads keep coming, and takes the uploads first", async () => {
  const corpus = bench.newCorpus();
  await bench.ingest(corpus, picturesFrom(1400, 1), { captions: false });
  const corpusId = await idOf(corpus);
  const spaceId = (await activeSpace(bench.db, corpusId))?.id ?? null;
  let added = 0;
  const add = async (count: number, priority: number) => {
    added += count;
    const rows = await bench.db.query<{ id: string }>(
      `insert into images (corpus_id, sha256) select $1::uuid, lpad(to_hex(n), 64, '0')
       from generate_series($2::integer - $3::integer + 1, $2::integer) n returning id`,
      [corpusId, added, count],
    );
    const imageIds = rows.map(({ id }) => id);
    await planSteps(bench.db, { corpusId, spaceId, steps: ["embed"], imageIds, priority });
    await completeSteps(bench.db, { step: "prepare", spaceId: null, imageIds });
    return imageIds;
  };
  const bulk = await add(20, PRIORITIES.bulk);
  await add(64, PRIORITIES.upload);
  const openBulk = async () => {
    const rows = await bench.db.query(
      "select id from image_steps where image_id = any ($1::uuid[]) and step = 'embed' and state <> 'done'",
      [bulk],
    );
    return rows.length;
  };
  const openAtCall: number[] = [];
  const inference = createFakeInference({
    readBlob: async () => png(1400),
    before: async (method) => {
      if (method !== "embedImages") return;
      const open = await openBulk();
      openAtCall.push(open);
      // As many as two workers take: without a turn of its own the import would wait until they stop.
      if (open > 0 && openAtCall.length < 60) await add(32, PRIORITIES.upload);
    },
  });
  const progress = await bench.ingest(corpus, undefined, { inference, captions: false });
  expect(progress.steps.embed.pending).toBe(0);
  expect(openAtCall.slice(0, 4)).toEqual([20, 20, 20, 20]);
  expect(openAtCall.indexOf(0), `open pictures of the import: ${openAtCall.join(" ")}`).toBeGreaterThan(0);
  expect(openAtCall.indexOf(0)).toBeLessThan(55);
});

test("comes back to steps whose claim was answered to nobody because the connection broke", async () => {
  const corpus = bench.newCorpus();
  let lost = 0;
  const db: Database = {
    ...bench.db,
    async query<Row>(sql: string, values?: readonly unknown[]) {
      const rows = await bench.db.query<Row>(sql, values);
      // The claim is committed, and its answer never arrives.
      if (lost < 2 && rows.length > 0 && sql.includes("skip locked")) {
        lost += 1;
        throw new StorageError("UNREACHABLE", "The connection was lost.", { retryable: true });
      }
      return rows;
    },
  };
  const progress = await bench.ingest(corpus, picturesFrom(1600, 40), { db, leaseMs: 1_000 });
  expect(lost).toBe(2);
  for (const step of STEPS) expect(progress.steps[step], step).toMatchObject({ done: 40, total: 40 });
});

test("fails the operation of a run that was killed", async () => {
  const corpus = bench.newCorpus();
  const { id: corpusId } = await ensureCorpus(bench.db, { name: corpus });
  const killed = await createOperation(bench.db, { kind: "INGEST", corpusId, state: "RUNNING" });
  await bench.db.query("update operations set updated_at = now() - interval '2 minutes' where id = $1::uuid", [
    killed.id,
  ]);
  await bench.ingest(corpus, picturesFrom(1500, 1));
  expect(await findOperation(bench.db, killed.id)).toMatchObject({ state: "FAILED", errorCode: "WORKER_DIED" });
  expect((await stepCounts(bench.db, corpusId, (await activeSpace(bench.db, corpusId))?.id ?? null)).embed.done).toBe(
    1,
  );
});
