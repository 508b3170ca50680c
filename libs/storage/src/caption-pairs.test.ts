import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { drawCaptionPairs } from "./caption-pairs.ts";
import { ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import { ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
let spaceId: string;
beforeAll(async () => {
  database = await openTestDatabase();
  const space = { fingerprint: "pairs", name: "m", dimensions: 2, preprocessing: {} };
  spaceId = (await ensureSpace(database.db, space)).id;
});
afterAll(() => database[Symbol.asyncDispose]());

/** Pictures around half a circle, each with a text of its own, brought in by the given order. */
async function corpusOf(name: string, order: readonly number[]): Promise<string> {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name });
  for (const number of order) {
    const sha256 = createHash("sha256").update(`picture ${number}`).digest("hex");
    const image = { corpusId, sha256, origin: `${number}.png`, attributes: {}, webText: `picture number ${number}` };
    const { imageId } = await registerImage(db, image);
    const embedding = new Float32Array([Math.cos(number / 10), Math.sin(number / 10)]);
    await saveEmbeddings(db, { spaceId, rows: [{ imageId, corpusId, embedding }] });
  }
  return corpusId;
}

test("draws the same pairs of the same pictures, whatever their ids are and in whatever order they came", async () => {
  const numbers = Array.from({ length: 30 }, (_, number) => number);
  const corpora = [await corpusOf("one", numbers), await corpusOf("other", numbers.toReversed())];
  const draw = async (corpusId: string, seed: number) =>
    (await drawCaptionPairs(database.db, { corpusId, spaceId, images: 12, seed })).map(
      ({ imageId: _differs, ...pair }) => pair,
    );
  const [first, second] = await Promise.all(corpora.map((corpusId) => draw(corpusId, 1)));
  expect(first).toHaveLength(12);
  expect(second).toEqual(first);
  for (const { own, ofNeighbour, ofAnother } of first ?? []) {
    const place = Number(own.replace(/\D/g, ""));
    expect(Math.abs(Number(ofNeighbour?.replace(/\D/g, "")) - place)).toBe(1);
    expect(ofAnother).not.toBe(own);
  }
  expect(await draw(corpora[0] ?? "", 2)).not.toEqual(first);
});
