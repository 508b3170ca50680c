import { afterAll, beforeAll, expect, test } from "vitest";
import { addCaption } from "./captions.ts";
import { reviewCaption } from "./filter-policies.ts";
import { type Corpus, ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { type Space, ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { searchTexts, type TextSearch } from "./texts.ts";

let database: TestDatabase;
let corpus: Corpus;
let space: Space;
const names = new Map<string, string>();
beforeAll(async () => {
  database = await openTestDatabase();
  space = await ensureSpace(database.db, { fingerprint: "texts", name: "blip-base", dimensions: 2, preprocessing: {} });
  corpus = await ensureCorpus(database.db, { name: "texts" });
  await addPicture(corpus, "buildings/lighthouse_02.jpg", "An old lighthouse on a cliff");
  await addPicture(corpus, "crete/IMG_17.jpg", "Three windmills");
  await addPicture(corpus, "Crete/redWindmill.png", null);
  await addPicture(corpus, "crete/IMG_18.jpg", "A cliff and the sea");
  for (let number = 0; number < 8; number += 1) await addPicture(corpus, `rest/${number}.jpg`, "nothing of the kind");
});
afterAll(() => database[Symbol.asyncDispose]());

let pictures = 0;
async function addPicture(target: Corpus, origin: string, webText: string | null): Promise<string> {
  pictures += 1;
  const sha256 = pictures.toString(16).padStart(64, "0");
  const { imageId } = await registerImage(database.db, {
    corpusId: target.id,
    sha256,
    origin: `/home/ann/pictures/${origin}`,
    attributes: {},
    webText,
  });
  const embedding = Float32Array.of(1, pictures / 100);
  await saveEmbeddings(database.db, { spaceId: space.id, rows: [{ imageId, corpusId: target.id, embedding }] });
  names.set(imageId, origin);
  return imageId;
}

async function find(text: string, options: Partial<TextSearch> = {}): Promise<[string | undefined, number][]> {
  const query = Float32Array.of(1, 0);
  const search = { corpora: [{ id: corpus.id }], spaceId: space.id, text, query, limit: 10, among: [], ...options };
  const hits = await searchTexts(database.db, search);
  return hits.map(({ imageId, textShare }) => [names.get(imageId), textShare]);
}

test("finds pictures by captions and by the names of file and folder, in any number of a noun, the nearest first", async () => {
  expect(await find("a lighthouse")).toEqual([["buildings/lighthouse_02.jpg", 1]]);
  expect((await find("windmill")).map(([name]) => name)).toEqual(["crete/IMG_17.jpg", "Crete/redWindmill.png"]);
  expect((await find("Crete")).map(([name]) => name)).toEqual([
    "crete/IMG_17.jpg",
    "Crete/redWindmill.png",
    "crete/IMG_18.jpg",
  ]);
  expect(await find("the red windmills of crete")).toContainEqual(["Crete/redWindmill.png", 1]);
});

test("weighs rare words more, and counts words that no text holds against every picture", async () => {
  const [both, one] = await find("lighthouse cliff");
  expect(both).toEqual(["buildings/lighthouse_02.jpg", 1]);
  expect(one?.[0]).toBe("crete/IMG_18.jpg");
  expect(one?.[1]).toBeLessThan(0.5);
  const [unknown] = await find("lighthouse zebra");
  expect(unknown?.[1]).toBeGreaterThan(0.3);
  expect(unknown?.[1]).toBeLessThan(0.5);
});

test("gives itcCosine of the query's vector and of the stored one", async () => {
  const search = { corpora: [{ id: corpus.id }], spaceId: space.id, text: "lighthouse", limit: 1, among: [] };
  const [hit] = await searchTexts(database.db, { ...search, query: Float32Array.of(0, 5) });
  expect(hit?.itcCosine).toBeCloseTo(0.01 / Math.hypot(1, 0.01), 6);
  expect(hit?.sha256).toBe("1".padStart(64, "0"));
});

test("returns the best few, and those asked for by id", async () => {
  const all = await find("crete windmill", { limit: 10 });
  expect(all).toHaveLength(3);
  const last = [...names].find(([, name]) => name === "crete/IMG_18.jpg")?.[0] ?? "";
  expect(await find("crete windmill", { limit: 1, among: [last] })).toEqual([all[0], all[2]]);
  expect(await find("crete windmill", { limit: 0 })).toEqual([]);
});

test("finds nothing for stop words, punctuation and words of other corpora", async () => {
  const other = await ensureCorpus(database.db, { name: "another" });
  await addPicture(other, "a/volcano.jpg", "a volcano");
  expect(await find("the of and")).toEqual([]);
  expect(await find("?! '); drop table captions; --")).toEqual([]);
  expect(await find("volcano")).toEqual([]);
  expect(await find("'it''s' \\ : & | <-> *")).toEqual([]);
  expect(await find("light\u0000house \ud800")).toHaveLength(1);
});

test("does not search what a captioner wrote, nor what was rejected", async () => {
  const imageId = await addPicture(corpus, "more/1.jpg", "a giraffe");
  await addCaption(database.db, { imageId, text: "a zeppelin", source: "SYNTHETIC", modelFingerprint: "f" });
  expect(await find("zeppelin")).toEqual([]);
  const rejected = await addCaption(database.db, { imageId, text: "a submarine", source: "WEB" });
  expect(await find("submarine")).toHaveLength(1);
  await reviewCaption(database.db, { captionId: rejected.id, verdict: "REJECTED", reviewer: "ann" });
  expect(await find("submarine")).toEqual([]);
  await addCaption(database.db, { imageId, text: "a hovercraft", source: "HUMAN" });
  expect(await find("hovercraft")).toEqual([["more/1.jpg", 1]]);
});

test("stores a text of any length and finds it by its beginning", async () => {
  const words = Array.from({ length: 60_000 }, (_, index) => `word${index.toString(36)}`).join(" ");
  await addPicture(corpus, "more/long.jpg", `catamaran ${words}`);
  expect(await find("catamaran")).toEqual([["more/long.jpg", 1]]);
});
