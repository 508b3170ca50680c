import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { activateSpace, ensureSpace } from "./spaces.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";
import { currentSnapshot, passingImageIds, readVectorPage, vectorChangesSince, type VectorSet } from "./vector-copy.ts";

let database: TestDatabase;
let set: VectorSet;
const MOST = 100;

beforeAll(async () => {
  database = await openTestDatabase();
  const { id: corpusId } = await ensureCorpus(database.db, { name: "copy" });
  const space = { fingerprint: "f", name: "n", dimensions: 3, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(database.db, space);
  await activateSpace(database.db, corpusId, spaceId);
  set = { corpusId, spaceId };
});
afterAll(() => database[Symbol.asyncDispose]());

test("reads every vector once, page by page, in the order of the ids", async () => {
  const { db } = database;
  const ids = [];
  for (let number = 0; number < 5; number += 1) ids.push(await addPicture([number, 1, 0]));
  const pages = [];
  for (let after: string | null = null; ; ) {
    const page = await readVectorPage(db, { ...set, after, limit: 2 });
    pages.push(page);
    if (page.last === null) break;
    after = page.last;
  }
  expect(pages.map(({ rows }) => rows)).toEqual([2, 2, 1]);
  const read = Buffer.concat(pages.map(({ imageIds }) => imageIds)).toString("hex");
  expect(read).toBe(
    ids
      .map((id) => id.replaceAll("-", ""))
      .sort()
      .join(""),
  );
  for (const { vectors } of pages) {
    for (let row = 0; row < vectors.length; row += 3)
      expect(Math.hypot(...vectors.subarray(row, row + 3))).toBeCloseTo(1, 6);
  }
});

test("tells what was written, replaced and removed since a snapshot, and nothing twice", async () => {
  const { db } = database;
  const [kept, gone] = [await addPicture([1, 0, 0]), await addPicture([0, 1, 0])];
  const before = await currentSnapshot(db);
  const added = await addPicture([0, 0, 2]);
  await saveEmbeddings(db, {
    spaceId: set.spaceId,
    rows: [{ imageId: kept, corpusId: set.corpusId, embedding: Float32Array.of(0, 3, 0) }],
  });
  await db.query("delete from images where id = $1::uuid", [gone]);

  const changes = await vectorChangesSince(db, { ...set, snapshot: before, most: MOST });
  expect(new Map(changes.written.map(({ imageId, vector }) => [imageId, [...vector]]))).toEqual(
    new Map([
      [added, [0, 0, 1]],
      [kept, [0, 1, 0]],
    ]),
  );
  expect(changes).toMatchObject({ removed: [gone], picturesChanged: true, complete: true });
  const later = await vectorChangesSince(db, { ...set, snapshot: changes.snapshot, most: MOST });
  expect(later).toMatchObject({ written: [], removed: [], picturesChanged: false, complete: true });
  expect((await vectorChangesSince(db, { ...set, snapshot: before, most: 1 })).complete).toBe(false);
});

// On the embedded database an open transaction keeps all others waiting, so that none can end out of order.
test.skipIf(!process.env["TEST_DATABASE_URL"])(
  "tells of a transaction that began earlier and ended later than the one that was asked after",
  async () => {
    const { db } = database;
    const other = await database.openAnother();
    const slow = Promise.withResolvers<void>();
    const imageId = await addPicture(null);
    const begun = Promise.withResolvers<void>();
    const writing = other.transaction(async (tx) => {
      await saveEmbeddings(tx, {
        spaceId: set.spaceId,
        rows: [{ imageId, corpusId: set.corpusId, embedding: Float32Array.of(1, 1, 1) }],
      });
      begun.resolve();
      await slow.promise;
    });
    await begun.promise;
    await addPicture([1, 2, 3]);
    const meanwhile = await currentSnapshot(db);
    expect((await vectorChangesSince(db, { ...set, snapshot: meanwhile, most: MOST })).written).toEqual([]);
    slow.resolve();
    await writing;
    const changes = await vectorChangesSince(db, { ...set, snapshot: meanwhile, most: MOST });
    expect(changes.written.map((row) => row.imageId)).toEqual([imageId]);
  },
);

test("says that filters may let others pass after an attribute, an origin or a picture has changed, whoever changed it", async () => {
  const { db } = database;
  const imageId = await addPicture([1, 0, 1]);
  const changed = async (act: () => Promise<unknown>) => {
    const snapshot = await currentSnapshot(db);
    await act();
    return (await vectorChangesSince(db, { ...set, snapshot, most: MOST })).picturesChanged;
  };
  expect(
    await changed(() => db.query("update images set attributes = '{\"a\": 1}' where id = $1::uuid", [imageId])),
  ).toBe(true);
  expect(
    await changed(() => db.query("insert into image_origins (image_id, origin) values ($1::uuid, 'x')", [imageId])),
  ).toBe(true);
  expect(await changed(() => db.query("delete from image_origins where image_id = $1::uuid", [imageId]))).toBe(true);
  expect(await changed(() => addPicture(null))).toBe(true);
  expect(await changed(() => ensureCorpus(db, { name: randomUUID() }))).toBe(false);
});

test("every table that a filter reads reports its changes", async () => {
  const { readFileSync } = await import("node:fs");
  const source = readFileSync(new URL("./image-filter.ts", import.meta.url), "utf8");
  const tables = [
    "images",
    ...[...source.matchAll(/\b(?:from|join) ([a-z_]+)\b(?= [a-z] )/g)].map((match) => match[1]),
  ];
  const rows = await database.db.query<{ name: string; triggers: number }>(
    `select c.relname as name, count(*)::integer as triggers from pg_trigger t
     join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
     where p.proname in ('note_changed_images', 'note_changed_origins') group by 1`,
    [],
  );
  const triggers = new Map(rows.map((row) => [row.name, row.triggers]));
  for (const table of tables) expect(triggers.get(table ?? ""), `triggers of "${table}"`).toBe(3);
});

test("gives the ids of the pictures that pass, in order, with or without a vector", async () => {
  const ids = [await addPicture([1, 0, 0], { mark: "yes" }), await addPicture(null, { mark: "yes" })].sort();
  await addPicture([1, 0, 0], { mark: "no" });
  const filter = { attribute: { name: "mark", in: ["yes"] } };
  const found = await passingImageIds(database.db, { corpusId: set.corpusId, filter });
  expect(Buffer.from(found).toString("hex")).toBe(ids.map((id) => id.replaceAll("-", "")).join(""));
});

async function addPicture(vector: readonly number[] | null, attributes: Record<string, unknown> = {}): Promise<string> {
  const sha256 = randomUUID().replaceAll("-", "").repeat(2);
  const image = { corpusId: set.corpusId, sha256, origin: `/${sha256}`, attributes };
  const { imageId } = await registerImage(database.db, image);
  if (vector !== null) {
    const rows = [{ imageId, corpusId: set.corpusId, embedding: Float32Array.from(vector) }];
    await saveEmbeddings(database.db, { spaceId: set.spaceId, rows });
  }
  return imageId;
}
