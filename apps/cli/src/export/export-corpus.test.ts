import { createHash } from "node:crypto";
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { addCaption, clearDeletedCorpora, deleteCorpus } from "@medley/storage";
import { openVariantStore } from "@medley/storage/blobs";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { extract } from "tar-stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importCorpus } from "../import/import-corpus.ts";
import { HOSTILE_TEXTS, type Installation, judgedCorpus, openInstallation } from "../testing/judged-corpus.ts";
import { exportCorpus } from "./export-corpus.ts";
import { diskError } from "./sealed-output.ts";

let origin: Installation;
let judged: Awaited<ReturnType<typeof judgedCorpus>>;
beforeAll(async () => {
  origin = await openInstallation();
  judged = await judgedCorpus(origin, "shop & <b>co</b>");
});
afterAll(() => origin[Symbol.asyncDispose]());

const newFolder = () => join(mkdtempSync(join(tmpdir(), "medley-export-")), "export");

async function exported(from: Installation, { all = true, directory = newFolder(), samplesEach = 3 } = {}) {
  const manifest = await exportCorpus(from, { corpus: judged.corpus, directory, all, samplesEach });
  return { directory, manifest };
}

/** Every file below a folder with its content's SHA-256. */
function hashes(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(directory, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, sha256Of(readFileSync(join(directory, name)))]));
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function membersOf(path: string): Promise<Map<string, Buffer>> {
  const unpack = extract();
  createReadStream(path).pipe(unpack);
  const members = new Map<string, Buffer>();
  for await (const entry of unpack) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    members.set(entry.header.name, Buffer.concat(chunks));
  }
  return members;
}

async function shardMembers(directory: string): Promise<Map<string, Buffer>> {
  const shards = readdirSync(directory).filter((name) => name.endsWith(".tar"));
  const all = await Promise.all(shards.sort().map((name) => membersOf(join(directory, name))));
  return new Map(all.flatMap((members) => [...members]));
}

const tableRows = async (directory: string) =>
  parquetReadObjects({ file: await asyncBufferFromFile(join(directory, "pairs.parquet")) });

interface Detail {
  readonly licence: string;
  readonly source: string;
  readonly sha256: string;
  readonly captionId: string;
  readonly captionsOfSameText?: readonly string[];
  readonly questions?: readonly unknown[];
}

test("writes one sample for each picture and kept text, with the picture's own bytes and everything that decided", async () => {
  const { directory, manifest } = await exported(origin, { all: false });
  const members = await shardMembers(directory);
  const keys = [...new Set([...members.keys()].map((name) => name.slice(0, name.indexOf("."))))];
  expect(keys).toHaveLength(manifest.counts.samples);
  const details = keys.map((key) => JSON.parse(String(members.get(`${key}.json`))) as Detail);
  const texts = keys.map((key) => String(members.get(`${key}.txt`)));
  expect(texts).toEqual(expect.arrayContaining(["a red apple", "a snail with a yellow shell", "a pair of socks"]));
  for (const rejected of ["a grey elephant", "snails everywhere", "sox", "dog dog dog dog"])
    expect(texts).not.toContain(rejected);
  keys.forEach((key, index) =>
    expect(sha256Of(members.get(`${key}.webp`) ?? Buffer.of())).toBe(details[index]?.sha256),
  );
  const apples = details.filter((_, index) => texts[index] === "a red apple");
  expect(apples).toHaveLength(1);
  expect(apples[0]).toMatchObject({ licence: "CC0-1.0", source: "https://example.org/p", group: apples[0]?.sha256 });
  expect(apples[0]?.captionsOfSameText).toHaveLength(1);
  expect(apples[0]?.questions).toEqual([{ question: "What?", answers: ["apple"] }]);
  expect(details[texts.indexOf("a snail with a yellow shell")]).toMatchObject({
    licence: "MIT",
    captionSource: "SYNTHETIC",
    captionerFingerprint: "captioner",
    decoding: { method: "nucleus" },
    seed: 7,
    filterFingerprint: "filter",
    policyVersion: 2,
    itcCosine: 0.1 + 0.2,
    itmLogit: 4,
    itmNoMatchLogit: -1,
    matchProbability: expect.closeTo(1 / (1 + Math.exp(-5)), 12) as number,
    verdict: "KEPT",
    reason: "MATCHES",
    language: "en",
    origins: ["/pictures/snail.webp"],
  });
  expect(details[texts.indexOf("a pair of socks")]).toMatchObject({ licence: "unknown", source: "" });
  expect(existsSync(join(directory, "pictures"))).toBe(false);
  const rows = await tableRows(directory);
  expect(rows).toHaveLength(manifest.counts.kept);
  expect(rows.every(({ verdict }) => verdict === "KEPT")).toBe(true);
});

test("brings hostile texts through unharmed, in shards, table, ledger and page", async () => {
  const { directory, manifest } = await exported(origin);
  const texts = new Set(
    [...(await shardMembers(directory))].filter(([name]) => name.endsWith(".txt")).map(([, text]) => String(text)),
  );
  const rows = await tableRows(directory);
  const lines = gunzipSync(readFileSync(join(directory, "ledger.jsonl.gz")))
    .toString()
    .trimEnd()
    .split("\n");
  const written = lines.map((line) => JSON.parse(line) as { text?: string });
  expect(lines).toHaveLength(manifest.counts.ledgerLines);
  // PostgreSQL keeps no U+0000, and UTF-8 has no half surrogates.
  for (const text of Object.values(HOSTILE_TEXTS)) {
    const stored = text.replaceAll("\0", "").trim().toWellFormed();
    expect(texts).toContain(stored);
    expect(rows.map((row) => row["text"])).toContain(stored);
    expect(written.map((line) => line.text)).toContain(stored);
  }
  const page = readFileSync(join(directory, "report.html"), "utf8");
  expect(page).not.toMatch(/<script|<b>|<captioner>/);
  expect(page).toContain("shop &amp; &lt;b&gt;co&lt;/b&gt;");
  expect(page).toContain("data:image/webp;base64,");
});

test("gives every caption and every picture with --all, and counts them", async () => {
  const { directory, manifest } = await exported(origin);
  const rows = await tableRows(directory);
  expect(rows).toHaveLength(manifest.counts.captions);
  expect(new Set(rows.map(({ reason }) => reason))).toEqual(
    new Set([
      "MATCHES",
      "BELOW_THRESHOLD",
      "REVIEWED",
      "WRITTEN_BY_A_PERSON",
      "SUPERSEDED",
      "REPETITIVE",
      "RUN_REVERTED",
    ]),
  );
  expect(manifest.counts).toMatchObject({ pictures: 4, picturesInShards: 4 });
  expect([...(await membersOf(join(directory, "pictures/pictures-000000.tar"))).keys()]).toHaveLength(2);
  for (const file of manifest.files) expect(hashes(directory)[file.name]).toBe(file.sha256);
  const report = JSON.parse(readFileSync(join(directory, "report.json"), "utf8")) as { disagreements: unknown };
  expect(report.disagreements).toMatchObject([
    { kept: "WEB", rejected: "SYNTHETIC", pictures: 0 },
    { kept: "SYNTHETIC", rejected: "WEB", pictures: 1 },
  ]);
});

test("writes the same bytes twice, and again after an import into an empty installation", async () => {
  const first = await exported(origin);
  const second = await exported(origin);
  expect(hashes(second.directory)).toEqual(hashes(first.directory));
  await using other = await openInstallation();
  const imported = await importCorpus(other, { directory: first.directory });
  expect(imported).toMatchObject({ added: true, pictures: 4, restoredPictures: 4, corpus: judged.corpus.name });
  const restored = await exported(other);
  expect(hashes(restored.directory)).toEqual(hashes(first.directory));
  expect(await importCorpus(other, { directory: first.directory })).toMatchObject({
    added: false,
    restoredPictures: 0,
  });
  const steps = await other.db.query(
    "select step, state, count(*)::integer as count from image_steps group by 1, 2",
    [],
  );
  expect(steps).toEqual([{ step: "prepare", state: "pending", count: 4 }]);
  await addCaption(other.db, { imageId: judged.snail, text: "one caption more", source: "HUMAN" });
  await expect(importCorpus(other, { directory: first.directory })).rejects.toThrow(
    /with other content than the export/,
  );
  await expect(importCorpus(other, { directory: first.directory, name: "again" })).rejects.toThrow(/already, as "shop/);
  await other.db.transaction((tx) => deleteCorpus(tx, judged.corpus.id));
  await expect(importCorpus(other, { directory: first.directory })).rejects.toThrow(/is still being removed/);
  await clearDeletedCorpora(other.db, {
    ...other,
    thumbnails: openVariantStore({ directory: join(first.directory, "none") }),
  });
  expect(await importCorpus(other, { directory: first.directory })).toMatchObject({ added: true, restoredPictures: 4 });
});

test("goes on where an export was interrupted, and writes again only what is missing or damaged", async () => {
  const whole = await exported(origin);
  const { directory } = await exported(origin);
  const files = hashes(directory);
  // As if the power had failed: no manifest, a journal with a line cut off, one shard half written and one changed.
  const { files: records } = whole.manifest;
  const shards = records.filter(({ name }) => name.startsWith("pairs-0"));
  expect(shards.length).toBeGreaterThan(2);
  rmSync(join(directory, "manifest.json"));
  const lines = [{ corpusId: judged.corpus.id }, ...shards.slice(0, 2)]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
  writeFileSync(join(directory, "export-under-way.jsonl"), `${lines}{"name":"pairs-0000`);
  writeFileSync(join(directory, "pairs-000002.tar.draft"), "half");
  appendFileSync(join(directory, "pairs-000001.tar"), "x");
  writeFileSync(join(directory, "pairs-000900.tar"), "of an earlier, larger export");
  const untouched = statSync(join(directory, "pairs-000000.tar"));
  await exported(origin, { directory });
  expect(hashes(directory)).toEqual(files);
  expect(statSync(join(directory, "pairs-000000.tar")).ino).toBe(untouched.ino);
  expect(statSync(join(directory, "pairs-000000.tar")).mtimeMs).toBe(untouched.mtimeMs);
});

test("names the file that is damaged or missing, and imports nothing", async () => {
  const { directory } = await exported(origin);
  await using other = await openInstallation();
  const shard = join(directory, "pairs-000001.tar");
  const bytes = readFileSync(shard);
  const changed = Buffer.from(bytes);
  changed[700] = (changed[700] ?? 0) ^ 1;
  for (const [content, complaint] of [
    [changed, /pairs-000001\.tar" has the SHA-256 .* the manifest says/],
    [bytes.subarray(0, 1000), /pairs-000001\.tar" has 1000 bytes, the manifest says/],
  ] as const) {
    writeFileSync(shard, content);
    await expect(importCorpus(other, { directory })).rejects.toThrow(complaint);
  }
  rmSync(shard);
  await expect(importCorpus(other, { directory })).rejects.toThrow(/pairs-000001\.tar" is missing/);
  rmSync(join(directory, "manifest.json"));
  await expect(importCorpus(other, { directory })).rejects.toThrow(/has no manifest\.json/);
  expect(await other.db.query("select from corpora", [])).toHaveLength(0);
});

test("refuses to import what lacks pictures, and says how to export them", async () => {
  const { directory } = await exported(origin, { all: false });
  await using other = await openInstallation();
  await expect(importCorpus(other, { directory })).rejects.toThrow(
    /The bytes of 1 pictures .* export again with --all/,
  );
  expect(await other.db.query("select from corpora", [])).toHaveLength(0);
});

test("refuses folders of others, and a corpus that changes meanwhile", async () => {
  const taken = newFolder();
  mkdirSync(taken);
  writeFileSync(join(taken, "thesis.tar"), "important");
  await expect(exported(origin, { directory: taken })).rejects.toThrow(/holds other files/);
  expect(readdirSync(taken)).toEqual(["thesis.tar"]);
  const directory = newFolder();
  const changing = exportCorpus(origin, {
    corpus: judged.corpus,
    directory,
    all: true,
    samplesEach: 100,
    onProgress: () => void addCaption(origin.db, { imageId: judged.lonely, text: "meanwhile", source: "HUMAN" }),
  });
  await expect(changing).rejects.toThrow(/changed while it was exported/);
  expect(existsSync(join(directory, "manifest.json"))).toBe(false);
});

test("lets one export into a folder at a time, and the next one when it has ended or was killed", async () => {
  const directory = newFolder();
  let second: unknown;
  const first = exportCorpus(origin, {
    corpus: judged.corpus,
    directory,
    all: true,
    samplesEach: 100,
    onProgress: () => (second ??= exported(origin, { directory }).catch((error: unknown) => error)),
  });
  await first;
  expect(await second).toMatchObject({
    code: "FOLDER_LOCKED",
    message: `Another export writes into "${directory}". Wait for its end, or choose another folder.`,
  });
  expect(readdirSync(directory).filter((name) => name.startsWith("export-under-way"))).toEqual([]);
  // As kill -9 leaves it before the journal is there.
  const fresh = newFolder();
  mkdirSync(fresh);
  writeFileSync(join(fresh, "export-under-way.lock"), "");
  await exported(origin, { directory: fresh });
  expect(existsSync(join(fresh, "manifest.json"))).toBe(true);
});

test("says in one sentence that the disk is full", async () => {
  await using full = await open("/dev/full", "w");
  const cause: unknown = await full.writeFile("x").catch((error: unknown) => error);
  expect(diskError("/export/pairs-000000.tar", cause)).toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/^There is no space left for "\/export\/pairs-000000.tar"\. Make room/) as string,
  });
});
