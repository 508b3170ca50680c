import { afterAll, beforeAll, expect, test } from "vitest";
import { addCaption } from "./captions.ts";
import { ensureCorpus } from "./corpora.ts";
import { createVectorIndex, saveEmbeddings } from "./embeddings.ts";
import { reviewCaption } from "./filter-policies.ts";
import { registerImage } from "./images.ts";
import { ensureSpace } from "./spaces.ts";
import { claimSteps, completeSteps, planSteps, stepCounts } from "./steps.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { saveTextEmbeddings, searchTextEmbeddings } from "./text-embeddings.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

let collections = 0;

/** A corpus whose pictures have one caption each; caption `n` points `n` hundredths away from the query (1, 0). */
async function newCollection({ pictures }: { pictures: number }) {
  collections += 1;
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: `texts ${collections}` });
  const space = { fingerprint: `texts ${collections}`, name: "m", dimensions: 2, preprocessing: {} };
  const { id: spaceId } = await ensureSpace(db, space);
  const imageIds: string[] = [];
  for (let number = 0; number < pictures; number += 1) {
    const sha256 = `${collections}`.padStart(32, "0") + `${number}`.padStart(32, "0");
    const image = { corpusId, sha256, origin: `/${number}.png`, attributes: {}, webText: `text ${number}` };
    const { imageId } = await registerImage(db, image);
    await saveEmbeddings(db, { spaceId, rows: [{ imageId, corpusId, embedding: Float32Array.of(0, 1) }] });
    imageIds.push(imageId);
  }
  const captions = await db.query<{ id: string; imageId: string }>(
    `select id, image_id as "imageId" from captions where image_id = any ($1::uuid[])`,
    [imageIds],
  );
  const captionOf = new Map(captions.map(({ id, imageId }) => [imageId, id]));
  const rows = imageIds.map((imageId, number) => {
    const embedding = Float32Array.of(Math.cos(number / 100), Math.sin(number / 100));
    return { imageId, corpusId, text: `text ${number}`, captionId: captionOf.get(imageId) as string, embedding };
  });
  await saveTextEmbeddings(db, { spaceId, rows });
  const search = { corpusId, spaceId, query: Float32Array.of(1, 0), limit: 3 };
  return { corpusId, spaceId, imageIds, captionOf, rows, search };
}

test("finds the pictures whose texts are nearest, each by its nearest text", async () => {
  const { corpusId, spaceId, imageIds, search } = await newCollection({ pictures: 5 });
  const [, , , , last = ""] = imageIds;
  const named = { imageId: last, corpusId, text: "tower", name: "tower", embedding: Float32Array.of(2, 0) };
  await saveTextEmbeddings(database.db, { spaceId, rows: [named, named] });
  const { hits, mode } = await searchTextEmbeddings(database.db, search);
  expect(mode).toBe("exact");
  expect(hits.map(({ imageId }) => imageId).toSorted()).toEqual([last, ...imageIds.slice(0, 2)].toSorted());
  expect(hits[2]?.textCosine).toBeCloseTo(Math.cos(0.01), 6);
  expect(hits[0]).toMatchObject({ itcCosine: 0, textCosine: 1 });
});

test("leaves out texts that were rejected, and finds them again when they are kept", async () => {
  const { imageIds, captionOf, search } = await newCollection({ pictures: 3 });
  const captionId = captionOf.get(imageIds[0] ?? "") ?? "";
  await reviewCaption(database.db, { captionId, verdict: "REJECTED", reviewer: "ann" });
  expect((await searchTextEmbeddings(database.db, search)).hits.map(({ imageId }) => imageId)).toEqual(
    imageIds.slice(1),
  );
  await reviewCaption(database.db, { captionId, verdict: "KEPT", reviewer: "ann" });
  expect((await searchTextEmbeddings(database.db, search)).hits).toHaveLength(3);
});

test("gives the same order by the index", async () => {
  const { spaceId, search } = await newCollection({ pictures: 40 });
  const exact = (await searchTextEmbeddings(database.db, search)).hits;
  await createVectorIndex(database.db, spaceId, { minimumRows: 1 });
  const [{ indexed } = { indexed: false }] = await database.db.query<{ indexed: boolean }>(
    "select to_regclass('text_embeddings_' || replace($1::text, '-', '') || '_hnsw') is not null as indexed",
    [spaceId],
  );
  expect(indexed).toBe(true);
  expect((await searchTextEmbeddings(database.db, search)).hits).toEqual(exact);
});

test("refuses a vector of another length, naming its text", async () => {
  const { spaceId, rows } = await newCollection({ pictures: 2 });
  const [first, second] = rows as [(typeof rows)[0], (typeof rows)[0]];
  const bad = [first, { ...second, embedding: Float32Array.of(1, 0, 0) }];
  await expect(saveTextEmbeddings(database.db, { spaceId, rows: bad })).rejects.toThrow('the text "text 1" has 3');
  const zero = [{ ...first, embedding: Float32Array.of(0, 0) }];
  await expect(saveTextEmbeddings(database.db, { spaceId, rows: zero })).rejects.toThrow("zero or not finite");
});

test("embeds the texts of a picture again when it gains one, but not for the same text twice", async () => {
  const { corpusId, spaceId, imageIds } = await newCollection({ pictures: 2 });
  const { db } = database;
  await planSteps(db, { corpusId, spaceId, steps: ["caption-embed"] });
  await completeSteps(db, { step: "prepare", spaceId: null, imageIds });
  await completeSteps(db, { step: "caption-embed", spaceId, imageIds });
  const counts = async () => (await stepCounts(db, corpusId, spaceId))["caption-embed"];
  const [imageId = ""] = imageIds;
  const again = { corpusId, sha256: `${collections}`.padStart(32, "0") + "0".padStart(32, "0"), attributes: {} };
  await registerImage(db, { ...again, origin: "/0.png", webText: "text 0" });
  expect(await counts()).toMatchObject({ done: 2, pending: 0 });
  await registerImage(db, { ...again, origin: "/0.png", webText: "another text" });
  expect(await counts()).toMatchObject({ done: 1, pending: 1 });
  const claim = { corpusId, step: "caption-embed", spaceId, limit: 9, leaseMs: 60_000, owner: "worker" } as const;
  expect((await claimSteps(db, claim)).map((step) => step.imageId)).toEqual([imageId]);
  // It comes while a worker has the picture in hand: the worker keeps its lease and finds the text when it looks again.
  await addCaption(db, { imageId, text: "a person's text", source: "HUMAN" });
  expect(await counts()).toMatchObject({ done: 1, leased: 1 });
  await completeSteps(db, { step: "caption-embed", spaceId, imageIds: [imageId] });
  await addCaption(db, { imageId, text: "what a machine saw", source: "SYNTHETIC", modelFingerprint: "f" });
  expect(await counts()).toMatchObject({ done: 2 });
});
