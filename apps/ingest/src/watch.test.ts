import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  countRejectedFiles,
  deleteCorpus,
  findCorpus,
  listImages,
  openDatabase,
  stepCounts,
} from "@medley/storage";
import { openBlobStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InferenceServer, serveInference } from "./testing/inference-server.ts";
import { png } from "./testing/pictures.ts";

const MAIN = resolve(import.meta.dirname, "main.ts");
const home = mkdtempSync(join(tmpdir(), "medley-watching-"));
const folder = mkdtempSync(join(tmpdir(), "medley-watched-"));
const inside = (name: string) => join(folder, name);
const databaseUrl = process.env.TEST_DATABASE_URL ?? "";
let server: InferenceServer;

beforeAll(async () => {
  const { read } = openBlobStore({ directory: join(home, "blobs") });
  server = await serveInference(createFakeInference({ readBlob: read }));
});

afterAll(() => server?.[Symbol.asyncDispose]());

interface Line {
  readonly path: string;
  readonly imageId?: string;
  readonly created?: boolean;
  readonly removed?: boolean;
}

function start() {
  const child = spawn(process.execPath, [MAIN, "add", folder, "--corpus", "watched", "--watch", "--json"], {
    env: { ...process.env, MEDLEY_HOME: home, INFERENCE_URL: server.url, DATABASE_URL: databaseUrl },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line));
  const errors = text(child.stderr);
  const ended = new Promise<number | null>((exited) => child.once("exit", exited));
  const until = async (count: number) => {
    for (let waited = 0; lines.length < count && waited < 120_000; waited += 100) await sleep(100);
    expect(lines.length, JSON.stringify(lines)).toBeGreaterThanOrEqual(count);
    return lines;
  };
  return { child, lines, errors, ended, until };
}

test("brings in what is there and what comes, and ends in good order when it is told to", {
  timeout: 300_000,
}, async () => {
  writeFileSync(inside("first.png"), png(1));
  const { child, errors, ended, until } = start();
  try {
    expect(await until(1)).toMatchObject([{ path: inside("first.png"), created: true }]);

    // Written in two parts: a look in between must not take half a picture.
    const second = png(2);
    writeFileSync(inside("second.png"), second.subarray(0, 100));
    await sleep(1_000);
    appendFileSync(inside("second.png"), second.subarray(100));
    expect((await until(2))[1]).toMatchObject({ path: inside("second.png"), created: true });

    renameSync(inside("first.png"), inside("renamed.png"));
    const afterRename = (await until(4)).slice(2);
    expect(afterRename).toContainEqual({ path: inside("first.png"), removed: true });
    expect(afterRename.find(({ removed }) => !removed)).toMatchObject({ path: inside("renamed.png"), created: false });

    unlinkSync(inside("second.png"));
    expect((await until(5))[4]).toEqual({ path: inside("second.png"), removed: true });
  } finally {
    child.kill("SIGTERM");
  }
  expect(await ended, await errors).toBe(0);

  await using db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
  const corpusId = (await findCorpus(db, "watched"))?.id ?? "";
  const images = await listImages(db, corpusId, { limit: 10 });
  expect(images.map(({ origins }) => origins).sort()).toEqual(
    [[inside("first.png"), inside("renamed.png")], [inside("second.png")]].sort(),
  );
  expect(await countRejectedFiles(db, corpusId)).toBe(0);
  const spaceId = (await activeSpace(db, corpusId))?.id ?? "";
  for (const counts of Object.values(await stepCounts(db, corpusId, spaceId))) {
    expect(counts).toMatchObject({ total: 2, pending: 0, leased: 0, failed: 0 });
  }
});

test("ends when its corpus is deleted, and begins no other one with what comes next", {
  timeout: 300_000,
}, async () => {
  const { child, errors, ended, until } = start();
  try {
    // What the folder holds, known or not.
    const before = (await until(1)).length;
    writeFileSync(inside("third.png"), png(3));
    await until(before + 1);
    await using db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
    const corpusId = (await findCorpus(db, "watched"))?.id ?? "";
    await db.transaction((tx) => deleteCorpus(tx, corpusId));
    writeFileSync(inside("fourth.png"), png(4));
    expect(await ended).toBe(1);
    expect(await errors).toContain('Corpus "watched" was deleted meanwhile');
    expect(await findCorpus(db, "watched")).toBeNull();
  } finally {
    child.kill("SIGKILL");
  }
});
