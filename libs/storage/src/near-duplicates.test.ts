import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCorpus } from "./corpora.ts";
import { saveEmbeddings } from "./embeddings.ts";
import { registerImage } from "./images.ts";
import {
  listNearDuplicates,
  lockNearDuplicates,
  markNearDuplicates,
  nearDuplicatesOf,
  savePerceptualHashes,
} from "./near-duplicates.ts";
import { activateSpace, ensureSpace } from "./spaces.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";
import { randomSource } from "./testing/random-vectors.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

const DIMENSIONS = 8;
let corpora = 0;
let pictures = 0;

async function newCorpus() {
  const name = `duplicates-${(corpora += 1)}`;
  const { id: corpusId } = await ensureCorpus(database.db, { name });
  const { id: spaceId } = await ensureSpace(database.db, {
    fingerprint: name,
    name,
    dimensions: DIMENSIONS,
    preprocessing: {},
  });
  await activateSpace(database.db, corpusId, spaceId);
  const add = async (hash: bigint | null) => {
    pictures += 1;
    const sha256 = String(pictures).padStart(64, "0");
    const image = { corpusId, sha256, origin: `${pictures}.png`, attributes: {} };
    const { imageId } = await registerImage(database.db, image);
    const perceptualHash = hash === null ? null : BigInt.asUintN(64, hash).toString(16).padStart(16, "0");
    await savePerceptualHashes(database.db, [{ imageId, perceptualHash }]);
    return imageId;
  };
  /** Embeds as a worker does; pictures with the same angle have the same vector. */
  const embed = (imageIds: readonly string[], angle = 0, db = database.db) =>
    db.transaction(async (tx) => {
      await lockNearDuplicates(tx, corpusId);
      const embedding = new Float32Array(DIMENSIONS).fill(0);
      embedding.set([Math.cos(angle), Math.sin(angle)]);
      await saveEmbeddings(tx, { spaceId, rows: imageIds.map((imageId) => ({ imageId, corpusId, embedding })) });
      await markNearDuplicates(tx, { spaceId, imageIds });
    });
  const pairs = async () =>
    (await listNearDuplicates(database.db, corpusId, { limit: 1000 })).map(({ imageId, otherId, hashDistance }) => ({
      ids: [imageId, otherId],
      hashDistance,
    }));
  return { corpusId, spaceId, add, embed, pairs };
}

const flip = (hash: bigint, bits: readonly number[]) => bits.reduce((value, bit) => value ^ (1n << BigInt(bit)), hash);
const HASH = 0xf0e1_d2c3_b4a5_9687n;

test("marks pairs that few bits and a near embedding join, in whichever order they come", async () => {
  const { add, embed, pairs } = await newCorpus();
  const original = await add(HASH);
  await embed([original]);
  expect(await pairs()).toEqual([]);
  // Nine bits, two of them in four of the five parts, and ten.
  const near = await add(flip(HASH, [0, 1, 13, 14, 26, 27, 39, 40, 63]));
  const far = await add(flip(HASH, [0, 1, 13, 14, 26, 27, 39, 40, 62, 63]));
  const unlike = await add(HASH);
  await embed([near, far]);
  await embed([unlike], 1);
  expect((await pairs()).map(({ hashDistance }) => hashDistance).sort()).toEqual([1, 9]);
  const found = await nearDuplicatesOf(database.db, [original, near, far, unlike]);
  expect(found.get(original)?.map(({ imageId }) => imageId)).toEqual([near]);
  expect(found.get(near)).toMatchObject([
    { imageId: far, hashDistance: 1 },
    { imageId: original, hashDistance: 9 },
  ]);
  expect(found.get(far)?.map(({ imageId }) => imageId)).toEqual([near]);
  expect(found.get(unlike)).toEqual([]);
  expect(found.get(original)?.[0]?.itcCosine).toBeCloseTo(1, 6);
});

test("finds every pair that comparing all with all finds", async () => {
  const { add, embed, pairs } = await newCorpus();
  const random = randomSource(7);
  const draw = () => BigInt(Math.floor(random() * 2 ** 32)) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32));
  const hashes: bigint[] = [];
  for (let group = 0; group < 12; group += 1) {
    const centre = draw();
    for (let member = 0; member < 4; member += 1) {
      hashes.push(
        flip(
          centre,
          Array.from({ length: Math.floor(random() * 9) }, () => Math.floor(random() * 64)),
        ),
      );
    }
  }
  const ids: string[] = [];
  for (const hash of hashes) ids.push(await add(hash));
  for (let start = 0; start < ids.length; start += 16) await embed(ids.slice(start, start + 16));
  const bitsOf = (value: bigint) => value.toString(2).replaceAll("0", "").length;
  const wanted = ids.flatMap((id, index) =>
    ids.slice(index + 1).flatMap((other, offset) => {
      const bits = bitsOf((hashes[index] as bigint) ^ (hashes[index + 1 + offset] as bigint));
      return bits <= 9 ? [`${[id, other].sort().join(" ")} ${bits}`] : [];
    }),
  );
  expect(wanted.length).toBeGreaterThan(20);
  const found = (await pairs()).map(({ ids: pair, hashDistance }) => `${pair.toSorted().join(" ")} ${hashDistance}`);
  expect(found.sort()).toEqual(wanted.sort());
});

test("gives the same when it is done again, and forgets pairs of an embedding that was replaced", async () => {
  const { corpusId, spaceId, add, embed, pairs } = await newCorpus();
  const [one, other] = [await add(HASH), await add(HASH)];
  await embed([one, other]);
  const first = await pairs();
  expect(first).toHaveLength(1);
  await embed([one]);
  expect(await pairs()).toEqual(first);
  await embed([one], 1);
  expect(await pairs()).toEqual([]);
  await embed([other], 1);
  expect(await pairs()).toEqual(first);
  expect(await savePerceptualHashes(database.db, [{ imageId: one, perceptualHash: "00000000000000ff" }])).toEqual([
    one,
  ]);
  expect(await savePerceptualHashes(database.db, [{ imageId: one, perceptualHash: "00000000000000ff" }])).toEqual([]);
  await database.db.transaction((tx) => markNearDuplicates(tx, { spaceId, imageIds: [one] }));
  expect(await pairs()).toEqual([]);
  await database.db.query("delete from images where id = $1::uuid", [other]);
  expect(await listNearDuplicates(database.db, corpusId, { limit: 10 })).toEqual([]);
});

test("leaves pictures without a hash and pictures of other corpora alone", async () => {
  const [here, elsewhere] = [await newCorpus(), await newCorpus()];
  await here.embed([await here.add(HASH), await here.add(null), await here.add(null)]);
  await elsewhere.embed([await elsewhere.add(HASH)]);
  expect([await here.pairs(), await elsewhere.pairs()]).toEqual([[], []]);
});

test("sees both of two pictures that two workers embed at the same time", async () => {
  const { corpusId, spaceId, add, embed, pairs } = await newCorpus();
  const [one, other] = [await add(HASH), await add(HASH)];
  await using another = await database.openAnother();
  const embedding = new Float32Array(DIMENSIONS).fill(0);
  embedding[0] = 1;
  const slow = database.db.transaction(async (tx) => {
    await lockNearDuplicates(tx, corpusId);
    await saveEmbeddings(tx, { spaceId, rows: [{ imageId: one, corpusId, embedding }] });
    await markNearDuplicates(tx, { spaceId, imageIds: [one] });
    await wait(200);
  });
  await wait(50);
  await Promise.all([slow, embed([other], 0, another)]);
  expect(await pairs()).toHaveLength(1);
});

test("gives the pairs of a corpus page by page", async () => {
  const { corpusId, add, embed } = await newCorpus();
  const ids = [await add(HASH), await add(HASH), await add(HASH)];
  await embed(ids);
  const all = await listNearDuplicates(database.db, corpusId, { limit: 10 });
  expect(all).toHaveLength(3);
  const first = await listNearDuplicates(database.db, corpusId, { limit: 2 });
  const rest = await listNearDuplicates(database.db, corpusId, { limit: 2, after: first[1] ?? null });
  expect([...first, ...rest]).toEqual(all);
  expect(all[0]?.origin).toMatch(/^\d+\.png$/);
});
