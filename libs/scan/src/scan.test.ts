import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Found, openScan, type RowPage, type Scan } from "./open-scan.ts";
import { clusteredUnitVectors, plainNearest } from "./testing/vectors.ts";

const DIMENSIONS = 256;
const ROWS = 5_000;
const LIMIT = 100;

const directory = mkdtempSync(join(tmpdir(), "medley-scan-"));
const vectors = clusteredUnitVectors({ rows: ROWS, dimensions: DIMENSIONS, seed: 1 });
const queries = clusteredUnitVectors({ rows: 40, dimensions: DIMENSIONS, seed: 2 });
const queryAt = (index: number) => queries.slice(index * DIMENSIONS, (index + 1) * DIMENSIONS);
let scan: Scan;

beforeAll(async () => {
  scan = (await openScan({ dimensions: DIMENSIONS, pages: pagesOf(vectors), directory })) as Scan;
});
afterAll(async () => {
  await scan[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

describe("a scan in memory", () => {
  test("finds what comparing every vector one by one finds, for each of 40 queries asked at once", async () => {
    const found = await Promise.all(Array.from({ length: 40 }, (_, index) => scan.nearest(queryAt(index), LIMIT)));
    for (const [index, hits] of found.entries()) expectSame(hits, plainNearest(vectors, queryAt(index), LIMIT));
  });

  test("finds the same for a query alone and among others, one of which has a single large number", async () => {
    const alone = await scan.nearest(queryAt(0), LIMIT);
    const spike = new Float32Array(DIMENSIONS);
    spike[3] = 1;
    const [among] = await Promise.all([
      scan.nearest(queryAt(0), LIMIT),
      scan.nearest(spike, LIMIT),
      scan.nearest(queryAt(1), 7),
    ]);
    expect(among.map(({ imageId }) => imageId)).toEqual(alone.map(({ imageId }) => imageId));
  });

  test("hands out the id and the digest that came with a row", async () => {
    const [hit] = await scan.nearest(vectors.slice(0, DIMENSIONS), 1);
    expect(hit).toMatchObject({ position: 0, imageId: idOf(0), sha256: digestOf(0).toString("hex") });
    expect(scan.ids.positionOf(idOf(4_321))).toBe(4_321);
    expect(scan.ids.positionOf("ffffffff-ffff-ffff-ffff-ffffffffffff")).toBe(-1);
  });

  test("looks only at selected rows, each query at its own, and returns fewer where fewer are selected", async () => {
    const everyTenth = Array.from({ length: ROWS / 10 }, (_, index) => index * 10);
    const three = [7, 70, 700];
    const [selectedTenth, selectedThree] = [await select(everyTenth), await select(three)];
    const [tenth, few, all] = await Promise.all([
      scan.nearest(queryAt(2), LIMIT, selectedTenth),
      scan.nearest(queryAt(2), LIMIT, selectedThree),
      scan.nearest(queryAt(2), LIMIT),
    ]);
    const plain = (among: ReadonlySet<number>) => plainNearest(vectors, queryAt(2), LIMIT, (row) => among.has(row));
    expectSame(tenth, plain(new Set(everyTenth)));
    expectSame(few, plain(new Set(three)));
    expect(all).toHaveLength(LIMIT);
  });

  test("selects by ids and names those that no row has", async () => {
    const ids = Buffer.concat([idBytes(3), idBytes(4_999), Buffer.alloc(16, 0xee)]);
    const { bits, beside } = await scan.ids.select(ids);
    expect(bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0)).toBe(2);
    expect(bits[0]).toBe(1 << 3);
    expect([...beside]).toEqual(["eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee"]);
  });

  test("does not find a row again that was barred", async () => {
    const [before] = await scan.nearest(queryAt(3), 1);
    scan.bar([before?.position ?? -1]);
    const after = await scan.nearest(queryAt(3), LIMIT);
    expect(after.map(({ position }) => position)).not.toContain(before?.position);
    expect(after).toHaveLength(LIMIT);
  });

  test("leaves the event loop free while it fills and searches", async () => {
    // Processor time of this thread between two ticks: what the machine does for others does not count.
    let largestMs = 0;
    let last = process.threadCpuUsage();
    const timer = setInterval(() => {
      const spent = process.threadCpuUsage(last);
      largestMs = Math.max(largestMs, (spent.user + spent.system) / 1000);
      last = process.threadCpuUsage();
    }, 1);
    await using another = await openScan({ dimensions: DIMENSIONS, pages: pagesOf(vectors), directory });
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 32 }, (_, index) => another?.nearest(queryAt(index), LIMIT)));
    }
    clearInterval(timer);
    expect(largestMs).toBeLessThan(25);
  });

  test("keeps no file that has a name, and says so when it was closed", async () => {
    const other = (await openScan({
      dimensions: DIMENSIONS,
      pages: pagesOf(vectors.slice(0, 100 * DIMENSIONS)),
      directory,
    })) as Scan;
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
    const pending = expect(other.nearest(queryAt(0), 5)).rejects.toMatchObject({ code: "SCAN_ENDED", retryable: true });
    await other[Symbol.asyncDispose]();
    await pending;
    await expect(other.nearest(queryAt(0), 5)).rejects.toMatchObject({ code: "SCAN_ENDED" });
  });

  test("is nothing where there are no rows", async () => {
    expect(await openScan({ dimensions: DIMENSIONS, pages: pagesOf(new Float32Array()), directory })).toBeNull();
  });
});

/** The same cosines place by place; where two rows are as near as float32 can tell, either may stand first. */
function expectSame(hits: readonly Found[], plain: readonly { position: number; cosine: number }[]): void {
  expect(hits).toHaveLength(plain.length);
  const cosineOf = new Map(plain.map(({ position, cosine }) => [position, cosine]));
  for (const [place, { position, cosine }] of hits.entries()) {
    expect(Math.abs(cosine - (plain[place]?.cosine ?? 0))).toBeLessThan(1e-6);
    const last = plain.at(-1)?.cosine ?? 0;
    expect(Math.abs(cosine - (cosineOf.get(position) ?? last))).toBeLessThan(1e-6);
  }
}

async function* pagesOf(all: Float32Array): AsyncGenerator<RowPage> {
  const rows = all.length / DIMENSIONS;
  for (let first = 0; first < rows; first += 700) {
    const places = Array.from({ length: Math.min(700, rows - first) }, (_, index) => first + index);
    yield {
      imageIds: Buffer.concat(places.map(idBytes)),
      digests: Buffer.concat(places.map(digestOf)),
      vectors: all.slice(first * DIMENSIONS, (first + places.length) * DIMENSIONS),
    };
  }
}

function idBytes(row: number): Buffer {
  const bytes = Buffer.alloc(16, 0xab);
  bytes.writeUInt32BE(row, 0);
  return bytes;
}

function idOf(row: number): string {
  return `${row.toString(16).padStart(8, "0")}-abab-abab-abab-abababababab`;
}

function digestOf(row: number): Buffer {
  return Buffer.alloc(32, row % 251);
}

async function select(rows: readonly number[]): Promise<Uint8Array> {
  return (await scan.ids.select(Buffer.concat(rows.map(idBytes)))).bits;
}
