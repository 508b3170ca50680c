// Run as a process of its own: fills a scan with ROWS vectors, searches, and prints the private memory that it has taken, as JSON.
//   node --expose-gc scan-memory.ts ROWS
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openScan } from "@medley/scan";
import { clusteredVectors, DIMENSIONS, vectorAt } from "./vectors.ts";

const PAGE = 500;
const rows = Number(process.argv[2]);
const queries = clusteredVectors(256, 5);
const directory = mkdtempSync(join(tmpdir(), "medley-scan-memory-"));

async function* pages() {
  for (let first = 0; first < rows; first += PAGE) {
    const count = Math.min(PAGE, rows - first);
    const imageIds = Buffer.alloc(16 * count);
    for (let row = 0; row < count; row += 1) imageIds.writeUInt32BE(first + row, 16 * row);
    yield { imageIds, digests: new Uint8Array(32 * count), vectors: clusteredVectors(count, first) };
  }
}

clusteredVectors(PAGE, 1);
const before = await privateBytes();
await using scan = await openScan({ dimensions: DIMENSIONS, pages: pages(), directory });
for (let round = 0; round < 20; round += 1) {
  await Promise.all(Array.from({ length: 32 }, (_, index) => scan?.nearest(vectorAt(queries, index), 128)));
}
console.log(JSON.stringify({ rows, bytes: (await privateBytes()) - before }));
rmSync(directory, { recursive: true, force: true });

/** Memory that no file backs and no other process shares. */
async function privateBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(200);
  }
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  if (!line) throw new Error("/proc/self/status has no line RssAnon; the memory of a scan is measured on Linux.");
  return Number(line[1]) * 1024;
}
