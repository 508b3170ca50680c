import { type Inference, InferenceError } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  cancelOperation,
  captionsOf,
  findCorpus,
  findOperation,
  listImages,
  requestUpkeep,
  retryFailedSteps,
  stepCounts,
  type UpkeepKind,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderOf, openIngestForTest } from "../testing/ingest-for-test.ts";
import { png } from "../testing/pictures.ts";
import { runUpkeep } from "./run-upkeep.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench.db[Symbol.asyncDispose]());

let pictures = 9000;
async function newCorpus(count: number) {
  const corpus = bench.newCorpus();
  const names = Array.from({ length: count }, () => (pictures += 1));
  await bench.ingest(corpus, folderOf(Object.fromEntries(names.map((name) => [`${name}.png`, png(name)]))));
  const corpusId = (await findCorpus(bench.db, corpus))?.id ?? "";
  const spaceId = (await activeSpace(bench.db, corpusId))?.id ?? "";
  const imageIds = (await listImages(bench.db, corpusId, { limit: 100 })).map(({ id }) => id);
  return { corpus, corpusId, spaceId, imageIds };
}

/** Begins an upkeep, and cancels it when it asks the models for `method` after so many calls that were answered. Captions end with "anew". */
async function cancelAt(method: string, corpusId: string, kind: UpkeepKind, answered = 0) {
  let calls = 0;
  const { id: operationId } = await bench.db.transaction((tx) => requestUpkeep(tx, { corpusId, kind }));
  const fake = createFakeInference({
    readBlob: bench.blobs.read,
    before: async (called) => {
      if (called !== method || (calls += 1) <= answered) return;
      const open = (await findOperation(bench.db, operationId))?.finishedAt === null;
      if (open) await bench.db.transaction((tx) => cancelOperation(tx, operationId));
      throw new InferenceError("OVERLOADED", "full");
    },
  });
  const inference: Inference = {
    ...fake,
    captionImages: async (...call) =>
      (await fake.captionImages(...call)).map((outcome) =>
        outcome.ok ? { ...outcome, value: { ...outcome.value, text: `${outcome.value.text} anew` } } : outcome,
      ),
  };
  const context = bench.contextOf({ inference });
  await runUpkeep(context, { corpusId, operationId }, { onProgress: () => {}, onNote: () => {} });
  expect((await findOperation(bench.db, operationId))?.state).toBe("CANCELLED");
}

const setState = (imageId: string | undefined, step: string, state: string) =>
  bench.db.query("update image_steps set state = $3::text where image_id = $1::uuid and step = $2::text", [
    imageId,
    step,
    state,
  ]);

test("cancelling leaves what was open before in the work: another one had asked for it", async () => {
  const { corpusId, spaceId, imageIds } = await newCorpus(6);
  // As of a picture that came just now, which nobody has captioned yet.
  await setState(imageIds[0], "caption", "pending");
  await setState(imageIds[0], "filter", "pending");
  await cancelAt("captionImages", corpusId, "RECAPTION");
  const { caption, filter } = await stepCounts(bench.db, corpusId, spaceId);
  expect(caption).toMatchObject({ pending: 1, excluded: 5 });
  expect(filter).toMatchObject({ pending: 1, excluded: 5 });
});

test("what needs a step that was cancelled is cancelled with it, so that no run waits for it for ever", async () => {
  const { corpus, corpusId, spaceId, imageIds } = await newCorpus(3);
  await bench.db.query("delete from embeddings where image_id = $1::uuid", [imageIds[0]]);
  await setState(imageIds[0], "caption", "pending");
  await cancelAt("embedImages", corpusId, "REFILL");
  const cancelled = await stepCounts(bench.db, corpusId, spaceId);
  expect(cancelled.embed).toMatchObject({ done: 2, excluded: 1 });
  expect(cancelled.caption).toMatchObject({ pending: 0, excluded: 1 });
  expect((await bench.ingest(corpus, undefined)).outcome).toBe("DONE");
  expect(await retryFailedSteps(bench.db, { corpusId })).toBe(2);
  await bench.ingest(corpus, undefined);
  const done = await stepCounts(bench.db, corpusId, spaceId);
  for (const step of ["embed", "caption", "filter"] as const) expect(done[step]).toMatchObject({ done: 3, total: 3 });
});

test("captions that were written before the end of a recaptioning are judged, for they stand in the place of others", async () => {
  const { corpus, corpusId, spaceId, imageIds } = await newCorpus(20);
  await cancelAt("captionImages", corpusId, "RECAPTION", 3);
  const written = async () =>
    [...(await captionsOf(bench.db, imageIds)).values()].flat().filter(({ text }) => text.endsWith(" anew"));
  const count = (await written()).length;
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(20);
  await bench.ingest(corpus, undefined);
  const fresh = await written();
  expect(fresh).toHaveLength(count);
  for (const { verdict } of fresh) expect(verdict).not.toBeNull();
  const { caption, filter } = await stepCounts(bench.db, corpusId, spaceId);
  expect(caption).toMatchObject({ done: count, excluded: 20 - count });
  expect(filter).toMatchObject({ done: count, excluded: 20 - count });
});

test("a recaptioning that is asked for after one was cancelled does all pictures, but for those that cannot be", async () => {
  const { corpusId, spaceId, imageIds } = await newCorpus(5);
  await cancelAt("captionImages", corpusId, "RECAPTION");
  expect((await stepCounts(bench.db, corpusId, spaceId)).caption).toMatchObject({ excluded: 5 });
  await setState(imageIds[0], "embed", "failed");
  const { id: operationId } = await bench.db.transaction((tx) => requestUpkeep(tx, { corpusId, kind: "RECAPTION" }));
  const listener = { onProgress: () => {}, onNote: () => {} };
  expect(await runUpkeep(bench.contextOf(), { corpusId, operationId }, listener)).toBe("DONE");
  expect((await findOperation(bench.db, operationId))?.counts).toMatchObject({ captionDone: 4, filterDone: 4 });
  const { caption, filter } = await stepCounts(bench.db, corpusId, spaceId);
  for (const counts of [caption, filter]) expect(counts).toMatchObject({ done: 4, excluded: 1 });
});
