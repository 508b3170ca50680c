import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type PictureServer, startPictureServer } from "@medley/fetch/testing";
import { createFakeInference } from "@medley/inference-api/testing";
import { findCorpus, listImages, listRejectedFiles, openDatabase } from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InferenceServer, serveInference } from "./testing/inference-server.ts";
import { png } from "./testing/pictures.ts";

const home = mkdtempSync(join(tmpdir(), "medley-urls-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
let inference: InferenceServer;
let pictures: PictureServer;

beforeAll(async () => {
  inference = await serveInference(createFakeInference({ readBlob: blobs.read }));
  pictures = await startPictureServer((request, response) => {
    const name = request.url?.slice(1) ?? "";
    if (name === "gone.png") response.writeHead(404).end();
    else if (name === "page.png") response.writeHead(200, { "content-type": "text/html" }).end("<html>");
    else if (name === "text.png") response.writeHead(200, { "content-type": "image/png" }).end("no picture");
    else if (name === "inside.png") response.writeHead(302, { location: "http://169.254.169.254/" }).end();
    else if (name === "refusing.png") response.writeHead(200, { "x-robots-tag": "noai" }).end(png(1));
    else response.writeHead(200, { "content-type": "image/png" }).end(png(Number.parseInt(name, 10)));
  });
});

afterAll(async () => {
  await pictures[Symbol.asyncDispose]();
  await inference[Symbol.asyncDispose]();
});

async function add(source: string, corpus: string, allowed: string) {
  const main = resolve(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, [main, "add", source, "--corpus", corpus, "--no-captions", "--json"], {
    env: {
      ...process.env,
      MEDLEY_HOME: home,
      INFERENCE_URL: inference.url,
      DATABASE_URL: process.env.TEST_DATABASE_URL ?? "",
      MEDLEY_FETCH_ALLOW: allowed,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((ended) => child.once("exit", ended)),
  ]);
  const lines = output.split("\n").filter(Boolean);
  const records = lines.map((line) => JSON.parse(line) as { path: string; error?: { code: string } });
  return { records, errors, code };
}

const BAD: Readonly<Record<string, string>> = {
  "gone.png": "HTTP_STATUS",
  "page.png": "WRONG_TYPE",
  "text.png": "NOT_AN_IMAGE",
  "inside.png": "ADDRESS_REFUSED",
  "refusing.png": "OPTED_OUT",
};

/** 100 rows, every twentieth of them bad. */
function rowNames(): string[] {
  const bad = Object.keys(BAD);
  return Array.from({ length: 100 }, (_, index) => (index % 20 === 7 ? bad[(index - 7) / 20] : `${index}.png`) ?? "");
}

test("brings in every good URL of a manifest of which 5 % are bad, and reports each bad one with its reason", {
  timeout: 300_000,
}, async () => {
  const corpus = `urls-${process.pid}-${Date.now()}`;
  const names = rowNames();
  const manifest = join(home, "urls.csv");
  writeFileSync(manifest, ["url,caption", ...names.map((name) => `${pictures.url}/${name},about ${name}`)].join("\n"));
  const { records, errors, code } = await add(manifest, corpus, "127.0.0.0/8");
  expect(errors).toContain("95 added, 0 known, 5 rejected");
  expect(code).toBe(0);
  expect(records.map(({ path, error }) => [path, error?.code])).toEqual(
    names.map((name) => [`${pictures.url}/${name}`, BAD[name]]),
  );

  await using db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
  const corpusId = (await findCorpus(db, corpus))?.id ?? "";
  const origins = (await listImages(db, corpusId, { limit: 1000 })).flatMap((image) => image.origins);
  expect(origins.sort()).toEqual(
    names
      .filter((name) => !(name in BAD))
      .map((name) => `${pictures.url}/${name}`)
      .sort(),
  );
  const rejected = await listRejectedFiles(db, corpusId);
  expect(rejected.map(({ code }) => code).sort()).toEqual(Object.values(BAD).sort());

  const again = await add(manifest, corpus, "127.0.0.0/8");
  expect(again.errors).toContain("0 added, 95 known, 5 rejected");
});

test("takes the URLs of a Parquet file", async () => {
  const manifest = join(home, "pairs.parquet");
  const columnData = [
    { name: "URL", data: ["201.png", "202.png", "gone.png"].map((name) => `${pictures.url}/${name}`) },
    { name: "TEXT", data: ["one", "two", "three"] },
  ];
  writeFileSync(manifest, Buffer.from(parquetWriteBuffer({ columnData })));
  const { errors, code } = await add(manifest, `parquet-${process.pid}-${Date.now()}`, "127.0.0.0/8");
  expect(errors).toContain("2 added, 0 known, 1 rejected");
  expect(code).toBe(0);
});

test("asks no private address that configuration does not allow, and ends with 1 when nothing could be read", async () => {
  const manifest = join(home, "private.jsonl");
  writeFileSync(manifest, `{"url":"${pictures.url}/301.png"}\n{"url":"http://localhost:${pictures.port}/302.png"}\n`);
  const { records, errors, code } = await add(manifest, `private-${process.pid}-${Date.now()}`, "10.0.0.0/8");
  expect(records.map(({ error }) => error?.code)).toEqual(["ADDRESS_REFUSED", "ADDRESS_REFUSED"]);
  expect(errors).toContain(`Nothing could be read from "${manifest}": 2 rejected`);
  expect(code).toBe(1);
  expect(pictures.asked.filter((path) => /^\/30[12]/.test(path))).toEqual([]);
});

test.each([
  { name: "empty.tar", content: "", says: "holds no file and no row" },
  { name: "text.tar", content: "no archive ".repeat(200), says: "cannot be read as an archive" },
  { name: "cut.parquet", content: "PAR1 and not more", says: "is no whole Parquet file" },
  { name: "header.csv", content: "url,caption\n", says: "holds no file and no row" },
])("ends with 1 and a sentence for $name", async ({ name, content, says }) => {
  const path = join(home, name);
  writeFileSync(path, content);
  const { errors, code } = await add(path, "unread", "");
  expect(errors).toContain(says);
  expect(errors.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(1);
});
