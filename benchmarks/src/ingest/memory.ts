import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lowerIsBetter, type Measurement, median } from "../measure.ts";
import { writePictures } from "./picture-files.ts";
import { type MemorySample, runIngestProcess, startInferenceServer } from "./running-ingest.ts";

const FROM_PICTURE = 1_000;
/** Samples of so many pictures are one reading: memory goes up and down with the garbage collector. */
const PICTURES_PER_READING = 250;
const SIZE = { width: 640, height: 480 } as const;

/**
 * Resident memory of the ingest process, and of the inference server beside it, around picture 1,000 against the end of the same run, and against the
 * largest reading in between. A ratio of 0.91 or more is growth of at most 10 %.
 */
export async function memory(cores: number, pictures: number): Promise<readonly Measurement[]> {
  if (pictures < FROM_PICTURE + 2 * PICTURES_PER_READING) {
    throw new Error(
      `Memory is compared from picture ${FROM_PICTURE} on, but only ${pictures} were asked for. Ask for 2000 or more.`,
    );
  }
  const home = mkdtempSync(join(tmpdir(), "medley-bench-"));
  try {
    await using server = await startInferenceServer(home, cores);
    const folder = join(home, "pictures");
    await writePictures(folder, { first: 1_000_000, count: pictures, ...SIZE });
    const request = { source: folder, corpus: "memory", count: pictures, beside: server.processId };
    const { memory: ofWorker, memoryBeside: ofServer } = await runIngestProcess(home, request);
    return [...grown("the worker", ofWorker, pictures), ...grown("the inference server", ofServer, pictures)];
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 1000 });
  }
}

function grown(process: string, samples: readonly MemorySample[], pictures: number): readonly Measurement[] {
  const readings = readingsOf(samples);
  const list = readings.map(({ pictures: at, megabytes }) => `${at}: ${megabytes.toFixed(0)}`).join(", ");
  console.error(`ingest: MB of ${process} by picture: ${list}`);
  const later = readings.filter(({ pictures: at }) => at >= FROM_PICTURE).map(({ megabytes }) => megabytes);
  const baseline = later[0] as number;
  const line = (what: string, ours: number) => {
    const metric = `memory of ${process}, picture ${FROM_PICTURE} against ${what}`;
    return lowerIsBetter("ingest", metric, "MB", 1, { ours, baseline });
  };
  return [
    line(`picture ${pictures}`, later.at(-1) as number),
    line(`the most up to picture ${pictures}`, Math.max(...later)),
  ];
}

/** Medians of the samples between two multiples of PICTURES_PER_READING, each under the lower one. */
export function readingsOf(samples: readonly MemorySample[]): readonly MemorySample[] {
  const groups = Map.groupBy(samples, ({ pictures }) => Math.floor(pictures / PICTURES_PER_READING));
  return [...groups].map(([group, some]) => ({
    pictures: group * PICTURES_PER_READING,
    megabytes: median(some.map(({ megabytes }) => megabytes)),
  }));
}
