import { mkdirSync, mkdtempSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addCaption,
  deleteCorpus,
  ensureCorpus,
  findCorpus,
  findOperation,
  openDatabase,
  registerImage,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, expect, test } from "vitest";
import { runMedley } from "./testing/run-medley.ts";

const home = mkdtempSync(join(tmpdir(), "medley-corpus-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const medley = (...args: string[]) => runMedley(args, { home });
const attributes = (...args: string[]) => medley("corpus", "attributes", ...args, "--corpus", "shop");

test("declares the attributes of a corpus from a file, converts what is there and says what does not fit", async () => {
  const file = join(home, "shop.json");
  writeFileSync(file, JSON.stringify({ price: "number", size: { type: "text", list: true, values: ["S", "M"] } }));
  expect(await attributes("set", file)).toMatchObject({ code: 0 });
  await using db = await openDatabase({ home });
  const corpusId = (await findCorpus(db, "shop"))?.id ?? "";
  await registerImage(db, { corpusId, sha256: "a".repeat(64), origin: "a.png", attributes: { price: "dear" } });
  expect((await attributes("show")).output).toBe(
    'price: a number such as 12.5\nsize: a list, each member one of "S", "M"\n',
  );

  writeFileSync(file, JSON.stringify({ price: { type: "number", required: true } }));
  const changed = JSON.parse((await attributes("set", file, "--json")).output);
  expect(changed).toMatchObject({ corpus: "shop", changed: true, converted: 0, unfit: 1 });
  expect(changed.examples[0]).toMatchObject({ origin: "a.png" });

  writeFileSync(file, JSON.stringify({ price: "money" }));
  const wrong = await attributes("set", file);
  expect(wrong).toMatchObject({ code: 1, errors: expect.stringContaining('has the type "money", expected text') });
  expect((await attributes("clear")).errors).toContain("0 pictures");
  expect((await attributes("show", "--json")).output).toBe('{"corpus":"shop","attributes":[]}\n');
  expect(await attributes("set", join(home, "none.json"))).toMatchObject({
    code: 1,
    errors: expect.stringContaining("cannot be read"),
  });
}, 240_000);

test("lists corpora, says what deleting one would take, and deletes it with its files when that is confirmed", async () => {
  await using db = await openDatabase({ home });
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  const { id: corpusId } = await ensureCorpus(db, { name: "old" });
  const sha256 = await blobs.put(Buffer.from("a picture"));
  const { imageId } = await registerImage(db, { corpusId, sha256, origin: "a.png", attributes: {} });
  await addCaption(db, { imageId, text: "a dog", source: "HUMAN" });
  const listed = (await medley("corpus", "list", "--json")).output.trim().split("\n");
  expect(listed.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ name: "old", images: 1, captions: 1, pausedAt: null }),
  );

  const asked = await medley("corpus", "delete", "old");
  expect(asked).toMatchObject({ code: 1, errors: expect.stringContaining("1 pictures and 1 captions") });
  expect(asked.errors).toContain("Nothing was deleted: add --yes");
  expect([(await findCorpus(db, "old"))?.id, await blobs.has(sha256)]).toEqual([corpusId, true]);

  const deleted = await medley("corpus", "delete", "old", "--yes", "--json");
  expect(deleted.code).toBe(0);
  expect(JSON.parse(deleted.output)).toMatchObject({ corpus: "old", corpusId, imagesDeleted: 1 });
  expect([await findCorpus(db, "old"), await blobs.has(sha256)]).toEqual([null, false]);
  expect((await medley("corpus", "list")).output).not.toContain("old");
  expect(await medley("corpus", "delete", "old", "--yes")).toMatchObject({ code: 1 });
}, 240_000);

test("goes on with a corpus whose deletion was stopped, and says what it cannot remove", async () => {
  await using db = await openDatabase({ home });
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  const { id: corpusId } = await ensureCorpus(db, { name: "left" });
  const sha256 = await blobs.put(Buffer.from("another picture"));
  await registerImage(db, { corpusId, sha256, origin: "b.png", attributes: {} });
  const { id: operationId } = await db.transaction((tx) => deleteCorpus(tx, corpusId));
  // A folder in the place of the file: even root cannot remove it as one.
  const path = blobs.pathOf(sha256);
  unlinkSync(path);
  mkdirSync(path);
  const failed = await medley("corpus", "delete", "left", "--yes");
  expect(failed).toMatchObject({
    code: 1,
    errors: expect.stringContaining("not all that is left of it can be removed"),
  });
  expect(await findOperation(db, operationId)).toMatchObject({ state: "SUCCEEDED", counts: { imagesDeleted: 1 } });
  rmdirSync(path);

  const { id: second } = await ensureCorpus(db, { name: "left" });
  await registerImage(db, { corpusId: second, sha256, origin: "b.png", attributes: {} });
  await db.transaction((tx) => deleteCorpus(tx, second));
  const resumed = await medley("corpus", "delete", "left", "--json");
  expect(resumed).toMatchObject({ code: 0, errors: expect.stringContaining("is deleted already") });
  expect(JSON.parse(resumed.output)).toMatchObject({ corpusId: second, imagesDeleted: 1 });
  expect(await medley("corpus", "delete", "left", "--yes")).toMatchObject({ code: 1 });
}, 240_000);
