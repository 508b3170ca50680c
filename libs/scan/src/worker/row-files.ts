import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { StoredTensor } from "@medley/onnx";
import { quantiseRows } from "../quantise.ts";
import type { ScanTensors, Segment } from "../scan-graph.ts";

/**
 * Rows on their way into a scan: vectors and digests in files as they come, and once all are there the codes, a segment at a time. So the
 * memory that filling takes does not grow with the rows.
 */
export interface RowFiles {
  readonly folder: string;
  /** Both are given up: they are empty afterwards. */
  append(vectors: Float32Array, digests: Uint8Array): void;
  finish(): ScanTensors;
  /** What is mapped stays readable; the names go, so that a crash leaves nothing behind. */
  remove(): void;
}

// The scores of a segment are held for all queries of a run: 32 x 65,536 x 4 bytes are 8 MB, however many rows there are. Fewer rows mean more
// selections: with 16,384 a run of 32 queries took 1.45 times as long as with 32,768, with 100,000 two thirds (2026-11-26, Zen 5, 100,000 x 256).
const MOST_SEGMENT_ROWS = 65_536;
const BLOCK_ROWS = 2_048;

export function createRowFiles(directory: string, dimensions: number, largest: number): RowFiles {
  mkdirSync(directory, { recursive: true });
  removeLeftOver(directory);
  const folder = mkdtempSync(join(directory, "scan-"));
  const files = { vectors: join(folder, "vectors"), digests: join(folder, "digests"), codes: join(folder, "codes") };
  const open = { vectors: openSync(files.vectors, "w+"), digests: openSync(files.digests, "w+") };
  let rows = 0;

  function writeSegment(codesFile: number, first: number, count: number): Segment {
    const codes = new Int8Array(dimensions * count);
    const scales = new Float32Array(count);
    for (let done = 0; done < count; done += BLOCK_ROWS) {
      const block = new Float32Array(Math.min(BLOCK_ROWS, count - done) * dimensions);
      readFully(open.vectors, new Uint8Array(block.buffer), (first + done) * dimensions * 4);
      quantiseRows(block, dimensions, largest, { codes, scales, from: done });
      free(block);
    }
    const offset = first * dimensions;
    writeFully(codesFile, new Uint8Array(codes.buffer), offset);
    free(codes);
    const name = `codes.${first}`;
    return { first, rows: count, scales, codes: storedTensor(name, files.codes, "int8", [dimensions, count], offset) };
  }

  return {
    folder,
    append(vectors, digests) {
      writeFully(open.vectors, bytesOf(vectors), rows * dimensions * 4);
      writeFully(open.digests, digests, rows * 32);
      rows += vectors.length / dimensions;
      free(vectors);
      free(digests);
    },
    finish() {
      const codesFile = openSync(files.codes, "w");
      try {
        const segments = segmentsOf(rows).map(({ first, count }) => writeSegment(codesFile, first, count));
        const vectors = storedTensor("vectors", files.vectors, "float32", [rows, dimensions], 0);
        const digests = storedTensor("digests", files.digests, "uint8", [rows, 32], 0);
        return { rows, dimensions, vectors, digests, segments };
      } finally {
        closeSync(codesFile);
      }
    },
    remove() {
      closeSync(open.vectors);
      closeSync(open.digests);
      removeFolder(folder);
    },
  };
}

/** Filling takes seconds, a minute for millions of rows. */
const LEFT_OVER_AFTER_MS = 3_600_000;

/** Folders of processes that were killed while they filled a scan. */
function removeLeftOver(directory: string): void {
  for (const name of readdirSync(directory)) {
    const folder = join(directory, name);
    const changed = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (name.startsWith("scan-") && Date.now() - changed > LEFT_OVER_AFTER_MS) removeFolder(folder);
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Some systems do not let a mapped file go; a later start removes it.
  }
}

/** As few segments as may be, of equal size but for one row. */
function segmentsOf(rows: number): { readonly first: number; readonly count: number }[] {
  const segments = Math.max(1, Math.ceil(rows / MOST_SEGMENT_ROWS));
  const edge = (index: number) => Math.floor((index * rows) / segments);
  return Array.from({ length: segments }, (_, index) => ({ first: edge(index), count: edge(index + 1) - edge(index) }));
}

function storedTensor(
  name: string,
  file: string,
  elementType: "int8" | "uint8" | "float32",
  shape: readonly [number, number],
  offsetBytes: number,
): StoredTensor {
  const lengthBytes = shape[0] * shape[1] * (elementType === "float32" ? 4 : 1);
  return { name, file, elementType, shape, strides: [shape[1], 1], contiguous: true, offsetBytes, lengthBytes };
}

/** At once: waiting for the garbage collector kept tens of megabytes of pages that had been written already. */
function free(array: Float32Array | Int8Array | Uint8Array): void {
  (array.buffer as ArrayBuffer).transfer(0);
}

function bytesOf(vectors: Float32Array): Uint8Array {
  return new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}

function readFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) throw new Error("Bug: the scan's file of vectors is shorter than what was written.");
    done += read;
  }
}
