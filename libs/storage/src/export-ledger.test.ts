import { afterAll, beforeAll, expect, test } from "vitest";
import { addCaption } from "./captions.ts";
import { ensureCorpus } from "./corpora.ts";
import { ledgerHead, ledgerLinesOf, ledgerStamp, schemaVersion } from "./export-ledger.ts";
import { exportedImages } from "./export-pairs.ts";
import { reviewCaption } from "./filter-policies.ts";
import { registerImage } from "./images.ts";
import { importLedgerLines, LEDGER_KINDS, type LedgerKind } from "./import-ledger.ts";
import { readMigrations } from "./migrate.ts";
import { type TestDatabase, openTestDatabase } from "./testing/open-test-database.ts";

let database: TestDatabase;
let empty: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
  empty = await openTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await empty[Symbol.asyncDispose]();
});

/** A corpus of one picture with one caption. */
async function newCorpus(name: string) {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name });
  const picture = { corpusId, sha256: "a".repeat(64), origin: "/a.png", attributes: {} };
  const { imageId } = await registerImage(db, picture);
  const { id: captionId } = await addCaption(db, { imageId, text: "a red apple", source: "WEB" });
  return { db, corpusId, imageId, captionId };
}

function byKind(lines: readonly string[]): { kind: LedgerKind; lines: string[] }[] {
  return LEDGER_KINDS.map((kind) => ({ kind, lines: lines.filter((line) => line.startsWith(`{"kind" : "${kind}"`)) }));
}

test("brings microseconds and the digits of numbers to another database and back", async () => {
  const { db, corpusId, imageId, captionId } = await newCorpus("digits");
  const attributes = '{"price": 1.10, "serial": 123456789012345678901234567890, "tiny": 1e-30}';
  await db.query(
    "update images set attributes = $2::jsonb, created_at = '2026-01-02 03:04:05.678901+02' where id = $1::uuid",
    [imageId, attributes],
  );
  await db.query(
    "update captions set created_at = '1999-12-31 23:59:59.999999Z', log_probability = -1e-7 where id = $1::uuid",
    [captionId],
  );
  await db.query(
    `insert into caption_scores (caption_id, filter_fingerprint, itm_logit, itm_no_match_logit)
     values ($1::uuid, 'f', 0.1::double precision + 0.2, 'NaN')`,
    [captionId],
  );
  for (const verdict of ["KEPT", "REJECTED"] as const) await reviewCaption(db, { captionId, verdict, reviewer: "ann" });
  const lines = [...(await ledgerHead(db, corpusId)), ...(await ledgerLinesOf(db, [imageId]))];
  expect(lines.join("\n")).toContain("1.10");
  expect(lines.join("\n")).toContain("123456789012345678901234567890");
  expect(lines.join("\n")).toContain("2026-01-02T01:04:05.678901Z");
  expect(lines.join("\n")).toContain("1999-12-31T23:59:59.999999Z");
  const target = { corpusId, name: "digits" };
  await empty.db.transaction(async (tx) => {
    for (const each of byKind(lines)) await importLedgerLines(tx, target, each);
  });
  expect([...(await ledgerHead(empty.db, corpusId)), ...(await ledgerLinesOf(empty.db, [imageId]))]).toEqual(lines);
  expect(await ledgerStamp(empty.db, corpusId)).toBe(await ledgerStamp(db, corpusId));
});

test("adds nothing to the captions of another corpus, whatever a ledger names", async () => {
  const { db, captionId, imageId } = await newCorpus("here already");
  const corpusId = "11111111-1111-4111-8111-111111111111";
  const target = { corpusId, name: "intruder" };
  const at = "2026-01-01T00:00:00.000000Z";
  const policyId = "22222222-2222-4222-8222-222222222222";
  await importLedgerLines(db, target, { kind: "corpus", lines: [JSON.stringify({ id: corpusId, createdAt: at })] });
  for (const [kind, line] of [
    ["caption", { id: policyId, imageId, text: "x", source: "WEB", createdAt: at }],
    ["score", { captionId, filterFingerprint: "f", itmLogit: 1, createdAt: at }],
    ["verdict", { captionId, policyId, verdict: "KEPT", reason: "MATCHES" }],
    ["review", { captionId, verdict: "REJECTED", reviewer: "x", createdAt: at }],
  ] as const) {
    const lines = [JSON.stringify(line)];
    await expect(importLedgerLines(db, target, { kind, lines })).rejects.toThrow(
      `1 of 1 lines of kind "${kind}" refer to`,
    );
  }
});

test("gives another stamp for every addition to the ledger and for every change that leaves its counts", async () => {
  const { db, corpusId, imageId, captionId } = await newCorpus("stamps");
  const stamps = new Set([await ledgerStamp(db, corpusId)]);
  await addCaption(db, { imageId, text: "another", source: "HUMAN" });
  stamps.add(await ledgerStamp(db, corpusId));
  await reviewCaption(db, { captionId, verdict: "KEPT", reviewer: "ann" });
  stamps.add(await ledgerStamp(db, corpusId));
  expect(stamps.size).toBe(3);
  // What leaves every count as it is.
  await db.query('update images set attributes = \'{"licence": "CC0"}\' where id = $1::uuid', [imageId]);
  stamps.add(await ledgerStamp(db, corpusId));
  await db.query("update image_origins set origin = origin || '.bak' where image_id = $1::uuid", [imageId]);
  stamps.add(await ledgerStamp(db, corpusId));
  await db.query("update caption_reviews set verdict = 'REJECTED' where caption_id = $1::uuid", [captionId]);
  stamps.add(await ledgerStamp(db, corpusId));
  await db.query("delete from captions where image_id = $1::uuid and text = 'another'", [imageId]);
  await addCaption(db, { imageId, text: "exchanged", source: "HUMAN" });
  stamps.add(await ledgerStamp(db, corpusId));
  expect(stamps.size).toBe(7);
  expect(await ledgerStamp(db, corpusId), "without a change").toBe([...stamps].at(-1));
  expect(await schemaVersion(db)).toBe(readMigrations().at(-1)?.name.replace(".sql", ""));
});

test("pages through pictures by their content", async () => {
  const { db } = database;
  const { id: corpusId } = await ensureCorpus(db, { name: "pages" });
  const contents = ["c", "a", "f", "0"].map((digit) => digit.repeat(64));
  for (const sha256 of contents) await registerImage(db, { corpusId, sha256, origin: sha256, attributes: {} });
  const seen: string[] = [];
  for (let after: string | null = null; ; after = seen.at(-1) ?? null) {
    const page = await exportedImages(db, corpusId, { after, limit: 3 });
    if (page.length === 0) break;
    seen.push(...page.map(({ sha256 }) => sha256));
  }
  expect(seen).toEqual([...contents].sort());
});
