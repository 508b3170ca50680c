import { findCorpus, listImages, listRejectedFiles, parseAttributeSchema } from "@medley/storage";
import { pack } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Registration } from "./register-pictures.ts";
import { folderOf, openIngestForTest } from "./testing/ingest-for-test.ts";
import { png } from "./testing/pictures.ts";

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
beforeAll(async () => {
  bench = await openIngestForTest();
});
afterAll(() => bench?.db[Symbol.asyncDispose]());

const attributes = parseAttributeSchema(
  JSON.stringify({
    price: "number",
    sold: "date",
    sizes: { type: "text", list: true },
    category: { type: "text", required: true, values: ["coat", "hat"] },
  }),
  "shop.json",
);

async function ingest(corpus: string, path: string, request: object = {}) {
  const rejected: (Registration & { kind: "rejected" })[] = [];
  const onRegistration = (entry: Registration) => void (entry.kind === "rejected" && rejected.push(entry));
  const progress = await bench.ingest(corpus, path, { captions: false, request, onRegistration });
  const corpusId = (await findCorpus(bench.db, corpus))?.id ?? "";
  const images = await listImages(bench.db, corpusId, { limit: 100 });
  const byName = new Map(images.map((image) => [image.origins[0]?.split("/").at(-1), image.attributes]));
  return { progress, rejected, byName, corpusId };
}

test("takes a manifest's values in the declared types and rejects each line that does not fit, naming it", async () => {
  const corpus = bench.newCorpus();
  const root = folderOf({
    ...Object.fromEntries(Array.from({ length: 5 }, (_, number) => [`${number}.png`, png(5000 + number)])),
    "shop.csv": [
      "path,price,sold,sizes,category,note",
      "0.png,12,2026-01-31,S;M,coat,7",
      "1.png,twelve,2026-01-31,S,coat,",
      "2.png,13,2026-02-30,S,shoe,",
      "3.png,14,,,,",
      "4.png,,2026-01-31T10:00+01:00,,hat,",
    ].join("\n"),
  });
  const first = await ingest(corpus, join(root, "shop.csv"), { attributes });
  expect(first.byName).toEqual(
    new Map([
      ["0.png", { price: 12, sold: "2026-01-31", sizes: ["S", "M"], category: "coat", note: "7" }],
      ["4.png", { sold: "2026-01-31T09:00:00.000Z", category: "hat" }],
    ]),
  );
  expect(first.progress).toMatchObject({ added: 2, rejected: 3 });
  expect(first.rejected.map(({ path, code }) => `${path} ${code}`)).toEqual([
    "1.png INVALID_ATTRIBUTE",
    "2.png INVALID_ATTRIBUTE",
    "3.png INVALID_ATTRIBUTE",
  ]);
  const [price, two, missing] = first.rejected.map(({ message }) => message);
  expect(price).toBe(
    `Line 3 of "${join(root, "shop.csv")}" ("1.png") was not taken. Attribute "price" is "twelve", expected a number such as 12.5. ` +
      "Mend it, or what the corpus declares, and run the same ingest again.",
  );
  expect(two).toContain(
    'Attribute "category" is "shoe", expected one of "coat", "hat". Attribute "sold" is "2026-02-30"',
  );
  expect(missing).toContain('Attribute "category" is missing');
  expect(await listRejectedFiles(bench.db, first.corpusId)).toHaveLength(3);
});

test("keeps what the corpus has of a picture when a later line about it does not fit, and forgets the rejection when it is mended", async () => {
  const corpus = bench.newCorpus();
  const root = folderOf({
    "a.png": png(5100),
    "good.jsonl": '{"path":"a.png","price":"5","category":"hat"}',
    "bad.jsonl": '{"path":"a.png","price":"dear"}',
    "mended.jsonl": '{"path":"a.png","price":6}',
  });
  await ingest(corpus, join(root, "good.jsonl"), { attributes });
  const bad = await ingest(corpus, join(root, "bad.jsonl"));
  expect(bad.byName.get("a.png")).toEqual({ price: 5, category: "hat" });
  expect(await listRejectedFiles(bench.db, bad.corpusId)).toHaveLength(1);
  const mended = await ingest(corpus, join(root, "mended.jsonl"));
  expect(mended.byName.get("a.png")).toEqual({ price: 6, category: "hat" });
  expect(await listRejectedFiles(bench.db, mended.corpusId)).toEqual([]);
});

test("names the JSON of a WebDataset sample whose value does not fit, and takes the others", async () => {
  const archive = pack();
  for (const number of [1, 2]) {
    archive.entry({ name: `${number}.png` }, png(5200 + number));
    archive.entry({ name: `${number}.json` }, JSON.stringify({ price: number === 1 ? "1" : {}, category: "hat" }));
  }
  archive.finalize();
  const root = folderOf({ "shard.tar": await buffer(archive) });
  const { byName, rejected } = await ingest(bench.newCorpus(), join(root, "shard.tar"), { attributes });
  expect(byName).toEqual(new Map([["1.png", { price: 1, category: "hat" }]]));
  expect(rejected[0]?.message).toContain('"2.json" in ');
});

test("changes nothing where the corpus declares nothing", async () => {
  const root = folderOf({ "a.png": png(5300), "all.jsonl": '{"path":"a.png","price":"5","any":{"thing":[1]}}' });
  const { byName } = await ingest(bench.newCorpus(), join(root, "all.jsonl"));
  expect(byName.get("a.png")).toEqual({ price: "5", any: { thing: [1] } });
});
