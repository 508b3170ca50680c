import { randomUUID } from "node:crypto";
import { join } from "node:path";
import {
  activateSpace,
  activeSpace,
  beginReceiving,
  claimReindex,
  countEmbeddings,
  createUpload,
  type Database,
  deleteCorpus,
  ensureCorpus,
  ensureSpace,
  findOperation,
  markStored,
  planSteps,
  registerImage,
  requestReindex,
  requestUpkeep,
  wakeCorpus,
} from "@medley/storage";
import { openPartFiles } from "@medley/storage/part-files";
import { expect, test } from "vitest";
import { runIngest } from "./run-ingest.ts";
import { openIngestForTest } from "./testing/ingest-for-test.ts";
import { png } from "./testing/pictures.ts";
import { defaultRetry } from "./retry.ts";
import { type WatchOptions, watchCorpora } from "./watch-corpora.ts";

const HOUR_MS = 3_600_000;
const { db, home, blobs, contextOf, newCorpus } = await openIngestForTest();
const parts = openPartFiles({ directory: join(home, "uploads") });
const quiet = { onRegistration: () => {}, onFailedImage: () => {}, onProgress: () => {}, onNote: () => {} };

/** A worker that watches, with the intervals of its looks; disposing stops it. */
function watch(intervals: WatchOptions["intervals"], database: Database = db) {
  const stop = new AbortController();
  const work: WatchOptions["work"] = async (context, corpus) =>
    !(await runIngest(context, { corpus, captions: false, calibration: false, retryFailed: false }, quiet)).idle;
  const context = { ...contextOf({ db: database }), signal: stop.signal, retry: defaultRetry };
  const ended = watchCorpora(context, {
    parts,
    json: false,
    onRegistration: () => {},
    work,
    ...(intervals && { intervals }),
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

/** How many wakes of the corpus no worker has taken yet. */
async function wakesOf(corpusId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from pgboss.job
     where name = 'wake-corpus' and data ->> 'corpusId' = $1::text and state in ('created', 'active')`,
    [corpusId],
  );
  return row?.count ?? -1;
}

async function embedded(corpusId: string): Promise<number> {
  const space = await activeSpace(db, corpusId);
  return space ? await countEmbeddings(db, space.id, corpusId) : 0;
}

test("begins with an upload when it is complete, and with all upkeeps that are asked for, though it looks by itself only once an hour", {
  timeout: 120_000,
}, async () => {
  await using _worker = watch({ openWorkMs: HOUR_MS, everythingMs: HOUR_MS });
  // After its first look, which would find anything.
  await expect.poll(() => db.query("select 1 from pgboss.schedule", []), { timeout: 30_000 }).toHaveLength(1);
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  const bytes = png(7);
  const facts = { name: "a.png", text: null, attributes: {}, sizeBytes: bytes.length };
  const upload = await createUpload(db, { corpusId, ...facts, expiresAt: new Date(Date.now() + 60_000) });
  const writer = randomUUID();
  await beginReceiving(db, { uploadId: upload.id, writer });
  await markStored(db, { uploadId: upload.id, writer, sha256: await blobs.put(bytes) });
  await expect.poll(() => embedded(corpusId), { timeout: 60_000 }).toBe(1);
  const kinds = ["REFILL", "REFILTER", "REBUILD_INDEX"] as const;
  const asked = await db.transaction(async (tx) => {
    const operations: string[] = [];
    for (const kind of kinds) operations.push((await requestUpkeep(tx, { corpusId, kind })).id);
    return operations;
  });
  const states = () => Promise.all(asked.map(async (id) => (await findOperation(db, id))?.state));
  await expect.poll(states, { timeout: 60_000 }).toEqual(kinds.map(() => "SUCCEEDED"));
});

test("takes up the queue, and with it the clearing up, when its tables are there after it began", {
  timeout: 120_000,
}, async () => {
  await db.query("delete from pgboss.schedule", []);
  await db.query("alter schema pgboss rename to pgboss_away", []);
  await using _worker = watch({ openWorkMs: 300, everythingMs: HOUR_MS });
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  const sha256 = await blobs.put(png(9));
  const { imageId } = await registerImage(db, { corpusId, sha256, origin: "c.png", attributes: {} });
  await planSteps(db, { corpusId, spaceId: null, steps: ["prepare"], imageIds: [imageId] });
  await expect.poll(() => embedded(corpusId), { timeout: 60_000 }).toBe(1);
  await db.query("alter schema pgboss_away rename to pgboss", []);
  await expect.poll(() => db.query("select 1 from pgboss.schedule", []), { timeout: 30_000 }).toHaveLength(1);
});

test("does not forget who woke it while it was looking for the work of before", { timeout: 120_000 }, async () => {
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  let asked: string | undefined;
  let isReady = false;
  const slow: Database = {
    ...db,
    async query<Row>(sql: string, parameters?: readonly unknown[]) {
      const rows = await db.query<Row>(sql, parameters);
      if (!isReady || asked !== undefined || !/select distinct corpus_id .* from operations/.test(sql)) return rows;
      // The rows are of before; the wake comes while they are on their way.
      asked = (await db.transaction((tx) => requestUpkeep(tx, { corpusId, kind: "REFILL" }))).id;
      await expect.poll(() => wakesOf(corpusId), { timeout: 30_000 }).toBe(0);
      return rows;
    },
  };
  await using _worker = watch({ openWorkMs: HOUR_MS, everythingMs: HOUR_MS }, slow);
  await expect.poll(() => db.query("select 1 from pgboss.schedule", []), { timeout: 30_000 }).toHaveLength(1);
  isReady = true;
  await db.transaction((tx) => wakeCorpus(tx, corpusId));
  const state = async () => asked !== undefined && (await findOperation(db, asked))?.state;
  await expect.poll(state, { timeout: 20_000 }).toBe("SUCCEEDED");
});

test("finds by itself what nobody woke it for", { timeout: 120_000 }, async () => {
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  await using _worker = watch({ openWorkMs: 200, everythingMs: HOUR_MS });
  await registerImage(db, { corpusId, sha256: await blobs.put(png(8)), origin: "b.png", attributes: {} });
  await db.query(
    "insert into image_steps (image_id, corpus_id, step) select id, corpus_id, 'prepare' from images where corpus_id = $1::uuid on conflict do nothing",
    [corpusId],
  );
  await expect.poll(() => embedded(corpusId), { timeout: 60_000 }).toBe(1);
});

test("leaves a reindex that another worker has in hand alone until its next look", { timeout: 120_000 }, async () => {
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  const space = (name: string) => ({ fingerprint: randomUUID(), name, dimensions: 4, preprocessing: {} });
  const [older, newer] = [await ensureSpace(db, space("older")), await ensureSpace(db, space("newer"))];
  await activateSpace(db, corpusId, older.id);
  await db.transaction((tx) => requestReindex(tx, { corpusId, spaceId: newer.id, forced: false }));
  expect(await claimReindex(db, { corpusId, worker: "another", leaseMs: HOUR_MS })).not.toBeNull();
  let questions = 0;
  const counting: Database = {
    ...db,
    query: (text, values) => {
      if (text.includes("reindexes")) questions += 1;
      return db.query(text, values);
    },
  };
  await using _worker = watch({ openWorkMs: HOUR_MS, everythingMs: HOUR_MS }, counting);
  await defaultRetry.sleep(3_000);
  expect(questions).toBeGreaterThan(0);
  expect(questions).toBeLessThan(20);
});

test("an idle worker asks the database no more often for sixty corpora than for a few", {
  timeout: 120_000,
}, async () => {
  let statements = 0;
  const counting: Database = {
    ...db,
    query: (text, values) => {
      statements += 1;
      return db.query(text, values);
    },
  };
  const inFourSeconds = async () => {
    await using _worker = watch({ openWorkMs: 500, everythingMs: HOUR_MS }, counting);
    // The first look is at every corpus.
    await defaultRetry.sleep(4_000);
    const before = statements;
    await defaultRetry.sleep(4_000);
    return statements - before;
  };
  const few = await inFourSeconds();
  for (let corpus = 0; corpus < 60; corpus += 1) await ensureCorpus(db, { name: newCorpus() });
  const many = await inFourSeconds();
  expect(few).toBeGreaterThan(4);
  expect(many).toBeLessThan(2 * few);
});

test("removes what is left of a corpus that is deleted in the middle of its work, and goes on with the others", {
  timeout: 120_000,
}, async () => {
  const { id: corpusId } = await ensureCorpus(db, { name: newCorpus() });
  const imageIds: string[] = [];
  for (let seed = 100; seed < 140; seed += 1) {
    const sha256 = await blobs.put(png(seed));
    const image = { corpusId, sha256, origin: `${seed}.png`, attributes: {} };
    imageIds.push((await registerImage(db, image)).imageId);
  }
  await planSteps(db, { corpusId, spaceId: null, steps: ["prepare"], imageIds });
  const begun = async () => {
    const states = await db.query<{ state: string }>(
      "select distinct state from image_steps where corpus_id = $1::uuid and step = 'prepare'",
      [corpusId],
    );
    return states.map(({ state }) => state);
  };
  await using _worker = watch({ openWorkMs: 300, everythingMs: HOUR_MS });
  await expect.poll(begun, { timeout: 60_000, interval: 5 }).not.toEqual(["pending"]);
  const { id: deletion } = await db.transaction((tx) => deleteCorpus(tx, corpusId));
  const state = async () => (await findOperation(db, deletion))?.state;
  await expect.poll(state, { timeout: 60_000 }).toBe("SUCCEEDED");
  expect(await db.query("select 1 from images where corpus_id = $1::uuid", [corpusId])).toEqual([]);
  // The worker lives: it does the work of a corpus that comes after that.
  const { id: other } = await ensureCorpus(db, { name: newCorpus() });
  const sha256 = await blobs.put(png(141));
  const { imageId } = await registerImage(db, { corpusId: other, sha256, origin: "d.png", attributes: {} });
  await planSteps(db, { corpusId: other, spaceId: null, steps: ["prepare"], imageIds: [imageId] });
  await expect.poll(() => embedded(other), { timeout: 60_000 }).toBe(1);
});
