import { memory } from "../ingest/memory.ts";
import { preparation } from "../ingest/preparation.ts";
import { rate } from "../ingest/rate.ts";
import { writingEmbeddings } from "../ingest/writing-embeddings.ts";
import type { Measurement } from "../measure.ts";

export const INGEST_PARTS = ["preparation", "embeddings", "rate", "memory"] as const;

export interface IngestSizes {
  readonly parts: readonly string[];
  /** Of each run of "rate". */
  readonly pictures: number;
  /** Of the one run of "memory". */
  readonly memoryPictures: number;
}

/** What ingestion costs, part by part: preparation of photographs, writing of embeddings, the whole, its memory. */
export async function ingest(runs: number, threads: number, sizes: IngestSizes): Promise<readonly Measurement[]> {
  const results: Measurement[] = [];
  if (sizes.parts.includes("preparation")) results.push(...(await preparation(runs, threads)));
  if (sizes.parts.includes("embeddings")) results.push(...(await writingEmbeddings(runs)));
  if (sizes.parts.includes("rate")) results.push(...(await rate(runs, threads, sizes.pictures)));
  if (sizes.parts.includes("memory")) results.push(...(await memory(threads, sizes.memoryPictures)));
  return results;
}
