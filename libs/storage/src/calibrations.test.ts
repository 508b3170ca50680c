import { afterAll, beforeAll, expect, test } from "vitest";
import { newestCalibration, type NewCalibration, saveCalibration } from "./calibrations.ts";
import { ensureCorpus } from "./corpora.ts";
import { ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

let corpora = 0;
async function newTarget() {
  corpora += 1;
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: `calibrated ${corpora}` });
  const space = { fingerprint: `calibrated ${corpora}`, name: "m", dimensions: 2, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  const calibration: NewCalibration = {
    corpusId,
    spaceId,
    modelFingerprint: "model",
    itcWeight: 30,
    corpusImages: 1000,
    pair: { slope: 0.7, offset: -2.5 },
    query: { slope: 0.9, offset: -4, strongFrom: 0.8, noneBelow: 0.1 },
    measured: { pair: { expectedCalibrationError: 0.02, bins: [] } },
  };
  return { db, corpusId, spaceId, calibration };
}

test("the newest calibration of a corpus and space counts, and gives back what was saved", async () => {
  const { db, corpusId, spaceId, calibration } = await newTarget();
  expect(await newestCalibration(db, { corpusId, spaceId })).toBeNull();
  const first = await saveCalibration(db, calibration);
  expect(first).toMatchObject(calibration);
  const second = await saveCalibration(db, { ...calibration, corpusImages: 1200, query: null });
  expect(await newestCalibration(db, { corpusId, spaceId })).toEqual(second);
  expect(second).toMatchObject({ corpusImages: 1200, query: null, createdAt: expect.any(Date) });
});

test("a calibration counts for no other corpus, space or weight", async () => {
  const { db, corpusId, spaceId, calibration } = await newTarget();
  const other = await newTarget();
  await saveCalibration(db, calibration);
  expect(await newestCalibration(db, { corpusId: other.corpusId, spaceId })).toBeNull();
  expect(await newestCalibration(db, { corpusId, spaceId: other.spaceId })).toBeNull();
  expect(await newestCalibration(db, { corpusId, spaceId, itcWeight: 1 })).toBeNull();
  expect(await newestCalibration(db, { corpusId, spaceId, itcWeight: 30 })).toMatchObject(calibration);
});

test("a half-written answer curve cannot be stored, and a corpus takes its calibrations along", async () => {
  const { db, corpusId, spaceId, calibration } = await newTarget();
  const { id } = await saveCalibration(db, calibration);
  const half = db.query("update calibrations set none_below = null where id = $1::uuid", [id]);
  await expect(half).rejects.toThrow();
  await db.query("delete from corpora where id = $1::uuid", [corpusId]);
  expect(await newestCalibration(db, { corpusId, spaceId })).toBeNull();
});
