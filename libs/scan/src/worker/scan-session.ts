import { writeModel } from "@medley/onnx";
import * as ort from "onnxruntime-node";
import { FULL_RANGE } from "../quantise.ts";
import { BAR, buildScanGraph, type ScanTensors } from "../scan-graph.ts";
import type { BatchedHits, BatchedSearch } from "./main.ts";

/** The rows as a session of the runtime. */
export interface ScanSession {
  search(search: BatchedSearch): Promise<BatchedHits>;
  /** These rows are not found any more. */
  bar(positions: readonly number[]): void;
}

export async function openScanSession(
  tensors: ScanTensors,
  { folder, threads, exact }: { folder: string; threads: number; exact: number },
): Promise<ScanSession> {
  const { rows, dimensions, segments } = tensors;
  const session = await ort.InferenceSession.create(writeModel(buildScanGraph(tensors), folder), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // The runtime's arena keeps what a run of 32 queries needed at its largest: with it a run was a tenth to a quarter faster, and a row took 312 bytes
    // instead of 290 (2026-11-26, 100,000 to 400,000 x 256).
    enableCpuMemArena: false,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        intra_op: { allow_spinning: "0" },
      },
    },
  });
  const smallest = Math.min(...segments.map((segment) => segment.rows));
  const bars = new Float32Array(rows);

  return {
    async search(search) {
      const hits = Math.min(search.hits, smallest);
      const output = await session.run({
        query: new ort.Tensor("float32", search.queries, [search.queries.length / dimensions, dimensions]),
        bars: new ort.Tensor("float32", search.within ? barOthers(bars, search.within) : bars, [rows]),
        candidates: count(Math.min(smallest, candidatesFor(hits, exact))),
        hits: count(hits),
      });
      return {
        hits,
        cosines: output["cosines"]?.data as Float32Array,
        positions: output["positions"]?.data as Int32Array,
        digests: output["digests"]?.data as Uint8Array,
      };
    },
    bar(positions) {
      for (const position of positions) bars[position] = BAR;
    },
  };
}

/**
 * How many of the best by int8 are compared exactly. Codes and query are each off by a third of a step or so, which moves a row by a few
 * places where rows lie densest; half as many again was enough for every true neighbour in 100,000 (docs/benchmarks.md). Coarser codes get twice that.
 */
function candidatesFor(hits: number, range: number): number {
  const margin = Math.max(64, Math.ceil(hits / 2));
  return hits + (range === FULL_RANGE ? margin : 2 * margin);
}

function count(value: number): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.of(BigInt(value)), [1]);
}

/** The bars, and one for every row whose bit is not set. */
function barOthers(bars: Float32Array, bits: Uint8Array): Float32Array {
  const all = new Float32Array(bars.length).fill(BAR);
  for (let byte = 0; byte < bits.length; byte += 1) {
    // Few pass, as a rule: a byte without any costs nothing.
    for (let left = bits[byte] as number; left !== 0; left &= left - 1) {
      const row = 8 * byte + 31 - Math.clz32(left & -left);
      all[row] = bars[row] as number;
    }
  }
  return all;
}
