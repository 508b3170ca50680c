import { findCorpus, listImages, parseAttributeSchema } from "@medley/storage";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderOf, openIngestForTest } from "./testing/ingest-for-test.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench?.db[Symbol.asyncDispose]());

/** A picture whose EXIF names a date, a camera and a position; make-photo-with-exif.ts beside it made it. */
const photo = readFileSync(join(import.meta.dirname, "../../../libs/media/fixtures/photo-with-exif.jpg"));
const READ = { takenAt: "2024-05-01T08:20:30.000Z", camera: "Canon EOS 5D", latitude: 47.375, longitude: -8.533333 };

async function ingest(corpus: string, path: string, request: object = {}) {
  const progress = await bench.ingest(corpus, path, { captions: false, request });
  const images = await listImages(bench.db, (await findCorpus(bench.db, corpus))?.id ?? "", { limit: 10 });
  return { progress, attributes: images.map(({ attributes }) => attributes) };
}

test("reads and stores nothing of a picture's metadata unless it is asked for", async () => {
  const corpus = bench.newCorpus();
  const root = folderOf({ "a.jpg": photo });
  expect((await ingest(corpus, root)).attributes).toEqual([{}]);
  expect((await ingest(corpus, root, { readMetadata: ["camera"] })).attributes).toEqual([{ camera: READ.camera }]);
  const everything = { readMetadata: ["date", "camera", "position"] };
  expect((await ingest(corpus, root, everything)).attributes).toEqual([READ]);
  // Not read again, and not forgotten either.
  expect((await ingest(corpus, root)).attributes).toEqual([READ]);
});

test("lets what a manifest says stand, and drops what the corpus declares otherwise", async () => {
  const attributes = parseAttributeSchema('{"latitude":{"type":"text","values":["north"]},"takenAt":"date"}', "x.json");
  const root = folderOf({ "a.jpg": photo, "all.jsonl": '{"path":"a.jpg","camera":"mine"}' });
  const request = { readMetadata: ["date", "camera", "position"], attributes };
  const corpus = bench.newCorpus();
  const first = await ingest(corpus, join(root, "all.jsonl"), request);
  const { takenAt, longitude } = READ;
  expect(first.attributes).toEqual([{ camera: "mine", takenAt, longitude }]);
  expect((await ingest(corpus, join(root, "a.jpg"), request)).attributes).toEqual(first.attributes);
});

test("takes a picture whose metadata is broken, and counts it", async () => {
  const at = photo.indexOf("Exif\0\0");
  const broken = Buffer.from(photo).fill(0xff, at + 6, at + 30);
  const root = folderOf({ "a.jpg": broken, "b.jpg": photo });
  const { progress, attributes } = await ingest(bench.newCorpus(), root, { readMetadata: ["camera"] });
  expect(progress).toMatchObject({ added: 2, rejected: 0, brokenMetadata: 1 });
  expect(attributes).toEqual(expect.arrayContaining([{}, { camera: READ.camera }]));
});
