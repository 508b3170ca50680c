import { afterAll, beforeAll, expect, test } from "vitest";
import { countApiKeys, createApiKey, findApiKey, listApiKeys, noteApiKeyUse, revokeApiKey } from "./api-keys.ts";
import { corpusOfCaption, ensureCorpus, findCorpora } from "./corpora.ts";
import { addCaption } from "./captions.ts";
import { registerImage } from "./images.ts";
import { countOpenSteps } from "./queue-depth.ts";
import { claimSteps, completeSteps, planSteps } from "./steps.ts";
import { openTestDatabase, type TestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.[Symbol.asyncDispose]());

test("keeps the digest of a key and never the key", async () => {
  const { db } = database;
  const { secret, key } = await createApiKey(db, { name: "reader", role: "VIEWER", corpusIds: null });
  expect(secret).toMatch(/^medley_[\w-]{43}$/);
  expect(secret.startsWith(key.prefix)).toBe(true);
  expect(await findApiKey(db, secret)).toEqual(key);
  const rows = await db.query<Record<string, unknown>>("select to_jsonb(api_keys) as row from api_keys", []);
  expect(JSON.stringify(rows)).not.toContain(secret);
  expect(JSON.stringify(rows)).not.toContain(secret.slice(key.prefix.length));
});

test("makes no key whose name nobody can see, or that commands a terminal", async () => {
  const make = (name: string) => createApiKey(database.db, { name, role: "VIEWER", corpusIds: null });
  await expect(make("\u001b[2Jgone")).rejects.toThrow(`The key's name "<U+001B>[2Jgone" holds U+001B`);
  await expect(make("read\u200ber")).rejects.toThrow("holds U+200B");
  await expect(make(" ")).rejects.toThrow("is empty, expected 1 to 200 characters");
});

test("makes no corpus whose name looks like another's, and goes on finding one that there is", async () => {
  const { db } = database;
  await expect(ensureCorpus(db, { name: "de\u200bmo" })).rejects.toThrow('The corpus name "de<U+200B>mo" holds U+200B');
  await expect(ensureCorpus(db, { name: "de\ud800mo" })).rejects.toThrow("half of a character");
  const [old] = await db.query<{ id: string }>("insert into corpora (name) values ($1::text) returning id", [
    " \u200b",
  ]);
  expect((await ensureCorpus(db, { name: " \u200b" })).id).toBe(old?.id);
  await ensureCorpus(db, { name: "a\ufffdb" });
  expect(await findCorpora(db, ["a\ud800b"])).toEqual([]);
});

test("knows no key by its prefix, its digest or part of it", async () => {
  const { db } = database;
  const { secret, key } = await createApiKey(db, { name: "partial", role: "ADMIN", corpusIds: null });
  const [row] = await db.query<{ sha256: string }>("select sha256 from api_keys where id = $1::uuid", [key.id]);
  for (const guess of [key.prefix, row?.sha256 ?? "", secret.slice(0, -1), `${secret} `, "", "' or true --"]) {
    expect(await findApiKey(db, guess), guess).toBeNull();
  }
});

test("counts a revoked and an expired key no longer, and remembers that there were some", async () => {
  const { db } = database;
  const before = await countApiKeys(db);
  const revoked = await createApiKey(db, { name: "lost", role: "ADMIN", corpusIds: null });
  const expired = await createApiKey(db, { name: "old", role: "ADMIN", corpusIds: null, expiresAt: new Date(1) });
  const lasting = new Date(Date.now() + 3_600_000);
  const current = await createApiKey(db, { name: "new", role: "ADMIN", corpusIds: null, expiresAt: lasting });
  const first = await revokeApiKey(db, revoked.key.id);
  expect(first?.revokedAt).toBeInstanceOf(Date);
  expect(await revokeApiKey(db, revoked.key.id)).toEqual(first);
  expect(await findApiKey(db, revoked.secret)).toBeNull();
  expect(await findApiKey(db, expired.secret)).toBeNull();
  expect(await findApiKey(db, current.secret)).toMatchObject({ name: "new", expiresAt: lasting });
  expect(await countApiKeys(db)).toEqual({ made: before.made + 3, usable: before.usable + 1 });
  expect((await listApiKeys(db)).map(({ name }) => name)).toEqual(expect.arrayContaining(["lost", "old", "new"]));
  expect(await revokeApiKey(db, "7")).toBeNull();
});

test("leaves a key without its corpus, and not with all of them, when the corpus is deleted", async () => {
  const { db } = database;
  const corpus = await ensureCorpus(db, { name: "leaving" });
  const { secret } = await createApiKey(db, { name: "one corpus", role: "VIEWER", corpusIds: [corpus.id] });
  await db.query("delete from corpora where id = $1::uuid", [corpus.id]);
  expect((await findApiKey(db, secret))?.corpusIds).toEqual([corpus.id]);
});

test("writes the time of use once a minute at most", async () => {
  const { db } = database;
  const { secret, key } = await createApiKey(db, { name: "used", role: "VIEWER", corpusIds: null });
  expect(key.lastUsedAt).toBeNull();
  await noteApiKeyUse(db, key.id);
  const first = await findApiKey(db, secret);
  expect(first?.lastUsedAt).toBeInstanceOf(Date);
  await noteApiKeyUse(db, key.id);
  expect(await findApiKey(db, secret)).toEqual(first);
});

test("refuses a key without a name and one for a corpus that cannot exist", async () => {
  const { db } = database;
  await expect(createApiKey(db, { name: " ", role: "VIEWER", corpusIds: null })).rejects.toMatchObject({
    code: "INVALID_VALUE",
  });
  await expect(createApiKey(db, { name: "x", role: "VIEWER", corpusIds: ["demo"] })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("finds corpora by id or name and the corpus of a caption, and counts what waits", async () => {
  const { db } = database;
  const one = await ensureCorpus(db, { name: "one" });
  const two = await ensureCorpus(db, { name: "two" });
  expect((await findCorpora(db, [one.id, "two", "none", "'; drop table corpora"])).map(({ name }) => name)).toEqual([
    "one",
    "two",
  ]);
  const image = { corpusId: two.id, sha256: "ab".repeat(32), origin: "a.png", attributes: {} };
  const { imageId } = await registerImage(db, image);
  const caption = await addCaption(db, { imageId, text: "a dog", source: "WEB" });
  expect(await corpusOfCaption(db, caption.id)).toBe(two.id);
  expect(await corpusOfCaption(db, "7")).toBeNull();
  await planSteps(db, { corpusId: two.id, spaceId: null, steps: ["prepare"] });
  expect(await countOpenSteps(db)).toEqual([{ step: "prepare", pending: 1, leased: 0 }]);
  const work = { corpusId: two.id, step: "prepare", spaceId: null } as const;
  await claimSteps(db, { ...work, limit: 1, leaseMs: 60_000, owner: "worker" });
  expect(await countOpenSteps(db)).toEqual([{ step: "prepare", pending: 0, leased: 1 }]);
  await completeSteps(db, { ...work, imageIds: [imageId] });
  expect(await countOpenSteps(db)).toEqual([]);
});
