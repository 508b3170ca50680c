import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CallOptions, InferenceError } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import { activeSpace, type Database, findCorpus, newestCalibration, openDatabase } from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestContext } from "./ingest-context.ts";
import { defaultRetry } from "./retry.ts";
import { runIngest } from "./run-ingest.ts";
import type { FoundFile } from "./scan/finding.ts";
import { png } from "./testing/pictures.ts";

const home = mkdtempSync(join(tmpdir(), "medley-calibrate-"));
const blobs = openBlobStore({ directory: join(home, "blobs") });
let db: Database;
beforeAll(async () => {
  db = await openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
});
afterAll(() => db[Symbol.asyncDispose]());

const textOf = (path: string) => `text of ${path}`;
const findingOf = (number: number): FoundFile => {
  const path = `${number}.png`;
  return { kind: "file", path, file: `/${path}`, bytes: png(number), attributes: {}, webText: textOf(path) };
};

let corpora = 0;
const newCorpus = () => `calibrate-when-due-${process.pid}-${Date.now()}-${(corpora += 1)}`;

async function calibrationOf(name: string) {
  const corpusId = (await findCorpus(db, name))?.id ?? "";
  const spaceId = (await activeSpace(db, corpusId))?.id ?? "";
  return await newestCalibration(db, { corpusId, spaceId });
}

/** A worker that lives on between runs. Its matching head knows which text is whose. */
function newWorker(refuse: (method: string, options: CallOptions) => void = () => {}) {
  const texts = new Map<string, string>();
  const fake = createFakeInference({ readBlob: blobs.read, before: refuse });
  const scoreOf = (image: object, text: string) =>
    "sha256" in image && texts.get(String(image.sha256)) === text ? 2 : -2;
  const context: IngestContext = {
    db,
    inference: {
      ...fake,
      matchTexts: async (image, given, options) => {
        const outcomes = await fake.matchTexts(image, given, options);
        return outcomes.map((outcome, index) =>
          outcome.ok
            ? { ok: true, value: { ...outcome.value, itmLogit: scoreOf(image, given[index] ?? "") } }
            : outcome,
        );
      },
    },
    blobs,
    thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
    maxBytes: 1_000_000,
    maxPixels: 100_000_000,
    owner: "calibrating worker",
    signal: new AbortController().signal,
    retry: { ...defaultRetry, sleep: async () => {} },
    calibrationAttempts: new Map(),
  };
  const ingest = async (corpus: string, from: number, to: number) => {
    const notes: string[] = [];
    const findings = async function* (): AsyncGenerator<FoundFile> {
      for (let number = from; number < to; number += 1) yield findingOf(number);
    };
    const request = { corpus, captions: false, retryFailed: false, ...(to > from && { findings: findings() }) };
    await runIngest(context, request, {
      onRegistration: (registration) => {
        if (registration.kind === "registered") texts.set(registration.sha256, textOf(registration.path));
      },
      onFailedImage: () => {},
      onProgress: () => {},
      onNote: (note) => notes.push(note),
    });
    return notes;
  };
  return { ingest };
}

test("calibrates a corpus after its ingest, again when it has grown by a fifth, and not before", async () => {
  const corpus = newCorpus();
  const { ingest } = newWorker();
  expect((await ingest(corpus, 0, 19)).join()).not.toContain("match probabilities");
  expect(await calibrationOf(corpus)).toBeNull();
  expect((await ingest(corpus, 19, 25)).join()).toContain("match probabilities now, fitted to 25 pictures");
  const first = await calibrationOf(corpus);
  expect(first).toMatchObject({ corpusImages: 25, itcWeight: 1 });
  await ingest(corpus, 25, 29);
  await ingest(corpus, 0, 0);
  expect((await calibrationOf(corpus))?.id).toBe(first?.id);
  await ingest(corpus, 29, 30);
  expect(await calibrationOf(corpus)).toMatchObject({ corpusImages: 30 });
}, 60_000);

test("ends an ingest well when it cannot calibrate, says why once, and is made up for by a later process", async () => {
  const corpus = newCorpus();
  const { ingest } = newWorker((method) => {
    if (method === "matchTexts") throw new InferenceError("ENGINE_FAILED", "The worker ended.");
  });
  expect((await ingest(corpus, 100, 122)).join()).toContain("could not be calibrated: The worker ended.");
  expect(await ingest(corpus, 0, 0)).toEqual([]);
  expect(await calibrationOf(corpus)).toBeNull();
  const later = newWorker();
  await later.ingest(corpus, 100, 122);
  expect(await calibrationOf(corpus)).toMatchObject({ corpusImages: 22 });
}, 60_000);
