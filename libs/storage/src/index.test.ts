import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Corpus,
  activateSpace,
  activeSpace,
  addCaption,
  captionsOf,
  countImages,
  createOperation,
  ensureCorpus,
  ensureSpace,
  findCorpus,
  findImage,
  findImages,
  findOperation,
  findSpace,
  listCorpora,
  listImages,
  listRejectedFiles,
  planSteps,
  recordRejectedFile,
  registerImage,
  saveImageFacts,
  spacesOf,
  updateOperation,
} from "./index.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
let corpus: Corpus;
let corpora = 0;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

async function newCorpus(): Promise<Corpus> {
  corpora += 1;
  corpus = await ensureCorpus(database.db, { name: `corpus ${corpora}` });
  return corpus;
}

const sha = (index: number) => index.toString(16).padStart(64, "0");
const MISSING = "00000000-0000-4000-8000-000000000000";

test("a corpus is created once and found by its name", async () => {
  const created = await newCorpus();
  expect(await ensureCorpus(database.db, { name: created.name })).toEqual(created);
  expect(await findCorpus(database.db, created.name)).toEqual(created);
  expect(await findCorpus(database.db, "never heard of")).toBeNull();
  expect((await listCorpora(database.db)).map(({ id }) => id)).toContain(created.id);
  await expect(ensureCorpus(database.db, { name: " " })).rejects.toMatchObject({ code: "INVALID_VALUE" });
});

test("the same bytes under two paths are one image with two origins", async () => {
  const { id: corpusId } = await newCorpus();
  const first = await registerImage(database.db, {
    corpusId,
    sha256: sha(1),
    origin: "a.jpg",
    attributes: { a: 1, b: 1 },
  });
  const again = await registerImage(database.db, { corpusId, sha256: sha(1), origin: "b.jpg", attributes: { b: 2 } });
  expect(first.created).toBe(true);
  expect(again).toEqual({ imageId: first.imageId, created: false });
  const facts = { imageId: first.imageId, format: "jpeg", width: 640, height: 480, sizeBytes: 5e9 };
  await saveImageFacts(database.db, [facts, facts]);
  const missing = "00000000-0000-4000-8000-000000000000";
  await expect(saveImageFacts(database.db, [facts, { ...facts, imageId: missing }])).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining(missing) as string,
  });
  expect(await findImage(database.db, first.imageId)).toMatchObject({
    corpusId,
    sha256: sha(1),
    attributes: { a: 1, b: 2 },
    origins: ["a.jpg", "b.jpg"],
    format: "jpeg",
    width: 640,
    height: 480,
    sizeBytes: 5e9,
  });
  expect(await countImages(database.db, corpusId)).toBe(1);
});

test("registering one image from twenty callers at once creates it once", async () => {
  const { id: corpusId } = await newCorpus();
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      registerImage(database.db, {
        corpusId,
        sha256: sha(2),
        origin: `${index % 5}.jpg`,
        attributes: {},
        webText: "a dog",
      }),
    ),
  );
  expect(new Set(results.map(({ imageId }) => imageId)).size).toBe(1);
  expect(results.filter(({ created }) => created)).toHaveLength(1);
  const imageId = results[0]?.imageId ?? "";
  expect((await captionsOf(database.db, [imageId])).get(imageId)).toHaveLength(1);
});

test("keeps an image whose attributes hold what PostgreSQL's JSON does not know", async () => {
  const { id: corpusId } = await newCorpus();
  const attributes = { "na\0me": "a\0b", half: "x\ud800", deep: [{ inner: "\0" }], number: 1, none: null };
  const { imageId } = await registerImage(database.db, { corpusId, sha256: sha(1), origin: "a\0.jpg", attributes });
  expect((await findImage(database.db, imageId))?.attributes).toEqual({
    name: "ab",
    half: "x\ufffd",
    deep: [{ inner: "" }],
    number: 1,
    none: null,
  });
});

test("images are found in the order asked for, and an unknown or malformed id is not an error", async () => {
  const { id: corpusId } = await newCorpus();
  const ids: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    ids.push(
      (await registerImage(database.db, { corpusId, sha256: sha(index), origin: `${index}`, attributes: {} })).imageId,
    );
  }
  const wanted = [ids[2], "not a uuid", ids[0], MISSING].map(String);
  expect((await findImages(database.db, wanted)).map(({ id }) => id)).toEqual([ids[2], ids[0]]);
  expect(await findImage(database.db, "not a uuid")).toBeNull();
  await expect(
    registerImage(database.db, { corpusId: MISSING, sha256: sha(1), origin: "x", attributes: {} }),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("pages through a corpus without a gap or a repetition", async () => {
  const { id: corpusId } = await newCorpus();
  for (let index = 0; index < 7; index += 1) {
    await registerImage(database.db, { corpusId, sha256: sha(index), origin: `${index}`, attributes: {} });
  }
  const seen: string[] = [];
  for (let page = await listImages(database.db, corpusId, { limit: 3 }); page.length > 0; ) {
    seen.push(...page.map(({ id }) => id));
    page = await listImages(database.db, corpusId, { limit: 3, after: seen.at(-1) ?? null });
  }
  expect(seen).toEqual((await listImages(database.db, corpusId, { limit: 100 })).map(({ id }) => id));
  expect(new Set(seen).size).toBe(7);
});

test("a rejected file is recorded once with its newest reason and forgotten when it becomes an image", async () => {
  const { id: corpusId } = await newCorpus();
  const file = { corpusId, origin: "bad\0.jpg", code: "NOT_AN_IMAGE", message: "first" };
  await recordRejectedFile(database.db, file);
  await recordRejectedFile(database.db, { ...file, message: "second" });
  expect(await listRejectedFiles(database.db, corpusId)).toMatchObject([{ origin: "bad.jpg", message: "second" }]);
  await registerImage(database.db, { corpusId, sha256: sha(3), origin: "bad.jpg", attributes: {} });
  expect(await listRejectedFiles(database.db, corpusId)).toEqual([]);
});

test("the ledger keeps a caption once per source, model, decoding and text, and fills in scores without changing any", async () => {
  const { id: corpusId } = await newCorpus();
  const { imageId } = await registerImage(database.db, {
    corpusId,
    sha256: sha(4),
    origin: "x",
    attributes: {},
    webText: ` ${"a very long alternative text ".repeat(400)}\0`,
  });
  const beam = {
    imageId,
    text: "a dog",
    source: "SYNTHETIC",
    modelFingerprint: "m",
    decoding: { beams: 3 },
    seed: 7,
  } as const;
  const written = await addCaption(database.db, beam);
  expect(await addCaption(database.db, { ...beam, seed: 8 })).toMatchObject({ id: written.id, seed: 7, verdict: null });
  await addCaption(database.db, { ...beam, decoding: { beams: 5 } });
  const captions = (await captionsOf(database.db, [imageId])).get(imageId) ?? [];
  expect(captions.map(({ source }) => source)).toEqual(["WEB", "SYNTHETIC", "SYNTHETIC"]);
  expect(captions[0]?.text).toBe("a very long alternative text ".repeat(400).trimEnd());
});

test("one space per fingerprint and preprocessing, and a model of another size is refused with both sizes", async () => {
  const model = { fingerprint: "one", name: "blip-base", dimensions: 256, preprocessing: { size: 384 } };
  const spaces = await Promise.all(Array.from({ length: 4 }, () => ensureSpace(database.db, model)));
  expect(new Set(spaces.map(({ id }) => id)).size).toBe(1);
  expect((await ensureSpace(database.db, { ...model, preprocessing: { size: 480 } })).id).not.toBe(spaces[0]?.id);
  await expect(ensureSpace(database.db, { ...model, dimensions: 512 })).rejects.toMatchObject({
    code: "DIMENSION_MISMATCH",
    message: expect.stringMatching(/512 dimensions.*stores 256/) as string,
  });
});

test("a corpus answers from one space at a time and can go back to the one before", async () => {
  const { id: corpusId } = await newCorpus();
  const make = (fingerprint: string) =>
    ensureSpace(database.db, { fingerprint, name: fingerprint, dimensions: 8, preprocessing: {} });
  const [older, newer] = [await make("older"), await make("newer")];
  expect(await activeSpace(database.db, corpusId)).toBeNull();
  await planSteps(database.db, { corpusId, spaceId: older.id, steps: ["embed"] });
  expect(await spacesOf(database.db, corpusId)).toMatchObject([{ id: older.id, state: "BUILDING" }]);
  await activateSpace(database.db, corpusId, older.id);
  await activateSpace(database.db, corpusId, newer.id);
  expect(await activeSpace(database.db, corpusId)).toMatchObject({ id: newer.id, state: "ACTIVE" });
  expect(await findSpace(database.db, older.id)).toMatchObject({ state: "STANDBY" });
  await activateSpace(database.db, corpusId, older.id);
  expect(await activeSpace(database.db, corpusId)).toMatchObject({ id: older.id });
  await expect(activateSpace(database.db, corpusId, MISSING)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("an operation keeps its progress, and a cancelled one cannot be revived", async () => {
  const { id: corpusId } = await newCorpus();
  const { id: operationId } = await createOperation(database.db, { kind: "INGEST", corpusId, counts: { seen: 1 } });
  await updateOperation(database.db, { operationId, state: "RUNNING", counts: { seen: 2, done: 1 } });
  await updateOperation(database.db, { operationId, state: "CANCELLED" });
  await updateOperation(database.db, { operationId, state: "RUNNING", counts: { done: 2 } });
  const operation = await findOperation(database.db, operationId);
  expect(operation).toMatchObject({ state: "CANCELLED", counts: { seen: 2, done: 2 } });
  expect(operation?.finishedAt).toBeInstanceOf(Date);
});

test("a transaction keeps all or nothing, and refuses the database's own query inside", async () => {
  const name = "never committed";
  await expect(
    database.db.transaction(async (db) => {
      await ensureCorpus(db, { name });
      throw new Error("changed my mind");
    }),
  ).rejects.toThrow("changed my mind");
  expect(await findCorpus(database.db, name)).toBeNull();
  await expect(database.db.transaction(() => findCorpus(database.db, name))).rejects.toThrow("inside a transaction");
  await expect(
    database.db.transaction(async (db) => {
      await db.query("select 1 / 0", []).catch(() => {});
    }),
  ).rejects.toThrow("a failed statement was ignored");
});
