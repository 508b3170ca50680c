import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  captionsOf,
  countEmbeddings,
  countImages,
  countRejectedFiles,
  findCorpus,
  listImages,
  openDatabase,
  stepCounts,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InferenceServer, serveInference } from "./testing/inference-server.ts";
import { pixelBomb, png } from "./testing/pictures.ts";

const GOOD_FILES = 60;
const BAD_FILES = 4;
const MAIN = resolve(import.meta.dirname, "main.ts");

const home = mkdtempSync(join(tmpdir(), "medley-kill-"));
const pictures = mkdtempSync(join(tmpdir(), "medley-kill-pictures-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
const batches = { embedImages: 0, captionImages: 0 };
let onCall: (method: string) => void = () => {};
let server: InferenceServer;

beforeAll(async () => {
  for (let index = 0; index < GOOD_FILES; index += 1) {
    const folder = join(pictures, String(index % 5));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${index}.png`), png(index));
    writeFileSync(join(folder, `${index}.txt`), `picture ${index}`);
  }
  writeFileSync(join(pictures, "bomb.png"), pixelBomb());
  writeFileSync(join(pictures, "empty.jpg"), "");
  writeFileSync(join(pictures, "note.jpg"), "not a picture");
  writeFileSync(join(pictures, "torn.png"), png(999).subarray(0, 150));

  const inference = createFakeInference({
    readBlob: blobs.read,
    before: (method) => {
      if (method === "embedImages" || method === "captionImages") batches[method] += 1;
      onCall(method);
    },
  });
  server = await serveInference(inference);
});

afterAll(() => server?.[Symbol.asyncDispose]());

function start(): ChildProcess {
  return spawn(process.execPath, [MAIN, "add", pictures, "--corpus", "killed", "--json"], {
    env: {
      ...process.env,
      MEDLEY_HOME: home,
      INFERENCE_URL: server.url,
      DATABASE_URL: process.env.TEST_DATABASE_URL ?? "",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Kills the process in the middle of the n-th call of the method. */
async function killAt(method: string, calls: number): Promise<void> {
  const child = start();
  const errors = text(child.stderr as NodeJS.ReadableStream);
  child.stdout?.resume();
  const ended = new Promise<string | null>((resolveEnd) => child.once("exit", (_, signal) => resolveEnd(signal)));
  let seen = 0;
  onCall = (called) => {
    if (called === method && (seen += 1) === calls) child.kill("SIGKILL");
  };
  expect(await ended, await errors).toBe("SIGKILL");
  onCall = () => {};
}

test("brings every good file in exactly once though the process is killed again and again", {
  timeout: 600_000,
}, async () => {
  await killAt("embedImages", 1);
  await killAt("embedImages", 2);
  await killAt("captionImages", 3);

  const child = start();
  const [output, errors, code] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    new Promise<number | null>((ended) => child.once("exit", ended)),
  ]);
  expect(errors).toContain(`${BAD_FILES} rejected`);
  expect(code).toBe(0);
  const lines = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { path: string; imageId?: string; error?: { code: string } });
  expect(lines.filter(({ imageId }) => imageId !== undefined)).toHaveLength(GOOD_FILES);
  expect(lines.flatMap(({ error }) => (error ? [error.code] : [])).sort()).toEqual([
    "EMPTY_FILE",
    "NOT_AN_IMAGE",
    "TOO_MANY_PIXELS",
    "TRUNCATED",
  ]);

  await using db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
  const corpusId = (await findCorpus(db, "killed"))?.id ?? "";
  const spaceId = (await activeSpace(db, corpusId))?.id ?? "";
  expect(await countImages(db, corpusId)).toBe(GOOD_FILES);
  expect(await countRejectedFiles(db, corpusId)).toBe(BAD_FILES);
  expect(await countEmbeddings(db, spaceId, corpusId)).toBe(GOOD_FILES);
  for (const counts of Object.values(await stepCounts(db, corpusId, spaceId))) {
    expect(counts).toMatchObject({ done: GOOD_FILES, total: GOOD_FILES });
  }
  const images = await listImages(db, corpusId, { limit: 1000 });
  for (const captions of (
    await captionsOf(
      db,
      images.map(({ id }) => id),
    )
  ).values()) {
    expect(captions.map(({ source }) => source).sort()).toEqual(["SYNTHETIC", "WEB"]);
  }

  // What is recorded costs no model a second time.
  const before = { ...batches };
  const again = start();
  expect(await new Promise<number | null>((ended) => again.once("exit", ended))).toBe(0);
  expect(batches).toEqual(before);
});
