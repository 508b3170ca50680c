import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLocalInference, openModelSet } from "@medley/inference";
import { MAX_INPUT_PIXELS } from "@medley/media";
import { openBlobStore } from "@medley/storage/blobs";
import { allOf } from "../engine.ts";
import { higherIsBetter, type Measurement, median, timed } from "../measure.ts";
import { benchServer, createBenchDatabase } from "../redecide/bench-database.ts";
import { inParallel } from "./in-parallel.ts";
import { writePictures } from "./picture-files.ts";
import { prepareWithSharp } from "./plain-sharp.ts";
import { runIngestProcess, startInferenceServer } from "./running-ingest.ts";

const MODELS = fileURLToPath(new URL("../../../assets/model/medley.models.json", import.meta.url));
const RESOURCES = new URL("../../../apps/inference/src/worker-resources.ts", import.meta.url).href;
const SIZE = { width: 1024, height: 768 } as const;
/** So many pictures are asked for in one call, as the product does. */
const CALL = 16;

/**
 * `medley ingest` of a folder from process start to end, captions off, against the slower of two rates on the same pictures and as many cores: the engine alone
 * (stored picture to embedding and stored tokens, decoding included), and sharp alone (file to thumbnail and model input). Each run
 * has pictures of its own.
 */
export async function rate(runs: number, cores: number, pictures: number): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "medley-bench-"));
  try {
    const results = await onDatabase(folder, { runs, cores, pictures, name: "the embedded database" });
    const server = benchServer();
    if (!server) return results;
    await using database = await createBenchDatabase(server);
    const { databaseUrl } = database;
    return [...results, ...(await onDatabase(folder, { runs, cores, pictures, name: "a server", databaseUrl }))];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 30, retryDelay: 1000 });
  }
}

interface Setting {
  readonly runs: number;
  readonly cores: number;
  readonly pictures: number;
  readonly name: string;
  readonly databaseUrl?: string;
}

async function onDatabase(folder: string, setting: Setting): Promise<readonly Measurement[]> {
  const { runs, cores, pictures, name, databaseUrl } = setting;
  const home = join(folder, databaseUrl === undefined ? "embedded" : "server");
  await using _server = await startInferenceServer(home, cores);
  const blobs = openBlobStore({ directory: join(home, "alone-blobs") });
  await using engine = await createLocalInference({
    modelSet: openModelSet(MODELS),
    resources: {
      url: RESOURCES,
      settings: {
        blobDirectory: join(home, "alone-blobs"),
        tokenDirectory: join(home, "alone-tokens"),
        thumbnailDirectory: join(home, "alone-thumbnails"),
        maxPixels: MAX_INPUT_PIXELS,
      },
    },
    graphDirectory: join(home, "alone-graphs"),
    workers: cores,
    threadsPerWorker: 1,
  });
  const rates = { ingest: [] as number[], engine: [] as number[], sharp: [] as number[], slower: [] as number[] };
  // Run 0 warms up and does not count.
  for (let run = 0; run <= runs; run++) {
    const source = join(home, `pictures-${run}`);
    const paths = await writePictures(source, { first: run * pictures, count: pictures, ...SIZE });
    const stored: string[] = [];
    for (const path of paths) stored.push(await blobs.put(await readFile(path)));
    const calls = Array.from({ length: Math.ceil(stored.length / CALL) }, (_, call) =>
      stored.slice(call * CALL, (call + 1) * CALL).map((sha256) => ({ sha256 })),
    );
    const request = {
      source,
      corpus: `run-${run}`,
      count: pictures,
      ...(databaseUrl !== undefined && { databaseUrl }),
    };
    const ingest = pictures / (await runIngestProcess(home, request)).seconds;
    const alone =
      pictures / (await timed(() => inParallel(calls, 2, async (call) => allOf(await engine.embedImages(call)))));
    const prepared =
      pictures / (await timed(() => inParallel(paths, cores, async (path) => prepareWithSharp(await readFile(path)))));
    rmSync(source, { recursive: true });
    if (run === 0) continue;
    rates.ingest.push(ingest);
    rates.engine.push(alone);
    rates.sharp.push(prepared);
    rates.slower.push(Math.min(alone, prepared));
    console.error(
      `ingest: ${ingest.toFixed(1)} a second, engine alone ${alone.toFixed(1)}, sharp alone ${prepared.toFixed(1)}`,
    );
  }
  const line = (metric: string, baseline: readonly number[]) =>
    higherIsBetter("ingest", `${pictures} pictures, ${name}, ${metric}`, "pictures/s", runs, {
      ours: median(rates.ingest),
      baseline: median(baseline),
    });
  return [line("against the slower of engine and sharp alone", rates.slower), line("against sharp alone", rates.sharp)];
}
