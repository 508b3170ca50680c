import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { createFakeInference } from "@medley/inference-api/testing";
import {
  activeSpace,
  captionsOf,
  countEmbeddings,
  findCorpus,
  findOperation,
  findUpkeep,
  listCaptionRuns,
  listImages,
  requestUpkeep,
  type UpkeepKind,
} from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InferenceServer, serveInference } from "../testing/inference-server.ts";
import { folderOf, openIngestForTest } from "../testing/ingest-for-test.ts";
import { png } from "../testing/pictures.ts";

const MAIN = resolve(import.meta.dirname, "../main.ts");
const PICTURES = 30;

let bench: Awaited<ReturnType<typeof openIngestForTest>>;
let server: InferenceServer;
let onCall: (method: string) => void = () => {};
let corpus = "";
beforeAll(async () => {
  bench = await openIngestForTest();
  corpus = bench.newCorpus();
  const files = Array.from({ length: PICTURES }, (_, index) => [`${index}.png`, png(8000 + index)] as const);
  await bench.ingest(corpus, folderOf(Object.fromEntries(files)));
  const fake = createFakeInference({ readBlob: bench.blobs.read, before: (method) => onCall(method) });
  server = await serveInference({
    ...fake,
    async captionImages(images, ...rest) {
      const outcomes = await fake.captionImages(images, ...rest);
      return outcomes.map((outcome) =>
        outcome.ok ? { ...outcome, value: { ...outcome.value, text: `${outcome.value.text} again` } } : outcome,
      );
    },
  });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await bench?.db[Symbol.asyncDispose]();
});

function start(operationId: string) {
  const child = spawn(process.execPath, [MAIN, "upkeep", "--corpus", corpus, "--operation", operationId, "--json"], {
    env: {
      ...process.env,
      MEDLEY_HOME: bench.home,
      INFERENCE_URL: server.url,
      DATABASE_URL: process.env.TEST_DATABASE_URL ?? "",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const errors = text(child.stderr);
  const ended = new Promise<string>((end) => child.once("exit", (code, signal) => end(signal ?? String(code))));
  return { child, ended, errors };
}

async function request(kind: UpkeepKind) {
  const corpusId = (await findCorpus(bench.db, corpus))?.id ?? "";
  const { id } = await bench.db.transaction((tx) => requestUpkeep(tx, { corpusId, kind }));
  return { corpusId, operationId: id };
}

/** Kills a worker in the middle of the n-th call of the method, and lets two others at once go on. */
async function killThenFinish(operationId: string, method: string, calls: number): Promise<void> {
  const first = start(operationId);
  let seen = 0;
  onCall = (called) => {
    if (called === method && (seen += 1) === calls) first.child.kill("SIGKILL");
  };
  expect(await first.ended, await first.errors).toBe("SIGKILL");
  onCall = () => {};
  // The leases of the dead, as if their time had passed.
  await bench.db.query("update upkeeps set worker_until = now() where operation_id = $1::uuid", [operationId]);
  await bench.db.query("update image_steps set lease_until = now() where state = 'leased'", []);
  const others = [start(operationId), start(operationId)];
  for (const { ended, errors } of others) expect(await ended, await errors).toBe("0");
  expect((await findOperation(bench.db, operationId))?.state).toBe("SUCCEEDED");
}

test("captions anew in one run, each picture once, though a worker is killed in the middle", {
  timeout: 300_000,
}, async () => {
  const { corpusId, operationId } = await request("RECAPTION");
  await killThenFinish(operationId, "captionImages", 3);
  const runs = await listCaptionRuns(bench.db, corpusId);
  expect(runs.map(({ captions }) => captions)).toEqual([PICTURES, PICTURES]);
  expect((await findUpkeep(bench.db, operationId))?.captionRunId).toBe(runs[0]?.id);
  expect((await findOperation(bench.db, operationId))?.counts).toMatchObject({
    imagesToCaption: PICTURES,
    captionDone: PICTURES,
    filterDone: PICTURES,
    captionFailed: 0,
  });
  const images = await listImages(bench.db, corpusId, { limit: 100 });
  const captions = await captionsOf(
    bench.db,
    images.map(({ id }) => id),
  );
  for (const [old, fresh, ...more] of captions.values()) {
    expect([old?.supersededBy, more]).toEqual([fresh?.id, []]);
    expect(fresh?.verdict).not.toBeNull();
  }
});

test("brings back every lost vector though a worker is killed in the middle", { timeout: 300_000 }, async () => {
  const { corpusId, operationId } = await request("REFILL");
  const spaceId = (await activeSpace(bench.db, corpusId))?.id ?? "";
  await bench.db.query("delete from embeddings where corpus_id = $1::uuid", [corpusId]);
  await killThenFinish(operationId, "embedImages", 2);
  expect(await countEmbeddings(bench.db, spaceId, corpusId)).toBe(PICTURES);
  expect((await findOperation(bench.db, operationId))?.counts).toMatchObject({
    embedMissing: PICTURES,
    embedDone: PICTURES,
    embedFailed: 0,
  });
});
