import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFakeInference } from "@medley/inference-api/testing";
import { findCorpus, listNearDuplicates } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderOf, openIngestForTest } from "./testing/ingest-for-test.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench?.db[Symbol.asyncDispose]());

const DEMO = join(import.meta.dirname, "../../../assets/demo/images/fluent-3d");
const snail = readFileSync(join(DEMO, "snail.webp"));
const socks = readFileSync(join(DEMO, "socks.webp"));
/** The same picture in another file: WebP allows bytes behind its content. */
const copyOf = (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("again")]);

/** An engine to which all pictures are alike, so that the hash alone tells them apart. */
const blindEngine = () => {
  const engine = createFakeInference({ readBlob: bench.blobs.read });
  const embedding = new Float32Array(8).fill(1);
  return {
    ...engine,
    embedImages: async (images: Parameters<typeof engine.embedImages>[0]) =>
      images.map(() => ({ ok: true, value: embedding }) as const),
  };
};

async function pairsOf(corpus: string) {
  const id = (await findCorpus(bench.db, corpus))?.id ?? "";
  const pairs = await listNearDuplicates(bench.db, id, { limit: 10 });
  const nameOf = (origin: string | null) => origin?.split("/").at(-1) ?? "";
  return pairs.map(({ origin, otherOrigin }) => [nameOf(origin), nameOf(otherOrigin)].sort().join(" "));
}

test("marks pictures that look the same as they are embedded, and leaves none out", async () => {
  const corpus = bench.newCorpus();
  const inference = blindEngine();
  const root = folderOf({ "a.webp": snail, "b.webp": socks });
  await bench.ingest(corpus, root, { captions: false, inference });
  expect(await pairsOf(corpus)).toEqual([]);
  const more = folderOf({ "c.webp": copyOf(snail) });
  const progress = await bench.ingest(corpus, more, { captions: false, inference });
  expect(progress).toMatchObject({ added: 1, rejected: 0 });
  expect(await pairsOf(corpus)).toEqual(["a.webp c.webp"]);
  await bench.ingest(corpus, more, { captions: false, inference });
  expect(await pairsOf(corpus)).toEqual(["a.webp c.webp"]);
});

test("marks pictures of before there were hashes when they come again", async () => {
  const corpus = bench.newCorpus();
  const inference = blindEngine();
  const root = folderOf({ "a.webp": snail, "c.webp": copyOf(snail) });
  await bench.ingest(corpus, root, { captions: false, inference });
  const id = (await findCorpus(bench.db, corpus))?.id;
  await bench.db.query(
    `with forgotten as (update images set perceptual_hash = null where corpus_id = $1::uuid returning id)
     delete from near_duplicates where image_id in (select id from forgotten)`,
    [id],
  );
  expect(await pairsOf(corpus)).toEqual([]);
  await bench.ingest(corpus, root, { captions: false, inference });
  expect(await pairsOf(corpus)).toEqual(["a.webp c.webp"]);
});
