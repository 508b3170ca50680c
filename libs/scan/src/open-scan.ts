import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { createImageIds, type ImageIds } from "./image-ids.ts";
import { BARRED } from "./scan-graph.ts";
import { ScanError } from "./scan-error.ts";
import type { BatchedHits, BatchedSearch, WorkerReply, WorkerRequest, WorkerStart } from "./worker/main.ts";

export { ScanError, type ScanErrorCode } from "./scan-error.ts";

/** Consecutive rows in ascending order of their ids. */
export interface RowPage {
  /** 16 bytes each. */
  readonly imageIds: Uint8Array;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
  /** [rows, dimensions], each of length 1. The worker takes the memory over. */
  readonly vectors: Float32Array;
}

export interface ScanOptions {
  readonly dimensions: number;
  readonly pages: AsyncIterable<RowPage>;
  /** For files that are mapped while the scan lives: 4 bytes a number and 32 a row, which the system may drop from memory. */
  readonly directory: string;
  /** Of each run; one for each core, up to 4, when absent. */
  readonly threads?: number;
  /** Told once when the scan ends by itself. */
  readonly onEnd?: (error: ScanError) => void;
}

/** A row that was found. */
export interface Found {
  readonly position: number;
  readonly imageId: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly cosine: number;
}

/** Vectors of unit length in memory, a byte for each number, compared all at once in a thread of their own. */
export interface Scan extends AsyncDisposable {
  readonly ids: ImageIds;
  /** Largest int8 code; less than 127 where the processor cannot sum larger ones up. */
  readonly codeRange: number;
  /**
   * The nearest rows, best first; fewer than `limit` where fewer may be found.
   * @param query  of length 1
   * @param within one bit for each row, as `ids.select` gives; every row when absent
   * @throws ScanError
   */
  nearest(query: Float32Array, limit: number, within?: Uint8Array): Promise<Found[]>;
  /** These rows are found no more by searches that are asked for from now on. */
  bar(positions: readonly number[]): void;
}

// More queries in one run gain nothing, and 8 MB of scores for each segment are enough.
const MOST_QUERIES = 32;

// Two threads took 0.6 of the time of one; what one search needs is over in a millisecond or two, so that nobody else waits for the cores.
const MOST_THREADS = 4;

/** Fills a scan page by page. Rejects with ScanError when the worker ends before it is ready; nothing is left behind then. */
export async function openScan({
  dimensions,
  pages,
  directory,
  threads = Math.min(MOST_THREADS, availableParallelism()),
  onEnd,
}: ScanOptions): Promise<Scan | null> {
  const channel = startWorker({ directory, dimensions, threads });
  try {
    const idPages: Uint8Array[] = [];
    for await (const { imageIds, digests, vectors } of pages) {
      if (imageIds.length === 0) continue;
      idPages.push(imageIds);
      await channel.ask({ kind: "append", vectors, digests }, [vectors.buffer as ArrayBuffer]);
    }
    if (idPages.length === 0) {
      await channel.end();
      return null;
    }
    const ids = createImageIds(Buffer.concat(idPages));
    const ready = await channel.ask({ kind: "finish" });
    if (ready.kind !== "ready") throw new Error(`Bug: the scan answered "${ready.kind}" to "finish".`);
    const scan = createScan(channel, ids, { dimensions, codeRange: ready.codeRange });
    // What the runtime allocates at the first run is there before anybody waits for it.
    await scan.nearest(new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions)), Math.min(ids.rows, 128));
    channel.onEnd = onEnd;
    return scan;
  } catch (error) {
    await channel.end();
    throw error;
  }
}

interface Waiting {
  readonly query: Float32Array;
  readonly limit: number;
  readonly within: Uint8Array | undefined;
  readonly found: PromiseWithResolvers<Found[]>;
}

function createScan(
  channel: Channel,
  ids: ImageIds,
  { dimensions, codeRange }: { dimensions: number; codeRange: number },
): Scan {
  let waiting: Waiting[] = [];
  let running = 0;
  let planned = false;

  /** What is asked for in one turn of the event loop goes into one run, and so does what comes while a run is under way. */
  function plan(): void {
    if (planned || running > 0) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      if (running === 0 && waiting.length > 0) void run(takeBatch());
    });
  }

  /** Who has waited longest, and all after him that search in the same rows. */
  function takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const others: Waiting[] = [];
    for (const one of waiting) {
      const joins = batch.length < MOST_QUERIES && one.within === (batch[0] ?? one).within;
      (joins ? batch : others).push(one);
    }
    waiting = others;
    return batch;
  }

  async function run(batch: readonly Waiting[]): Promise<void> {
    running += 1;
    try {
      const search = joinQueries(batch, dimensions);
      const reply = await channel.ask({ kind: "search", search }, [search.queries.buffer as ArrayBuffer]);
      running -= 1;
      // The worker goes on with the next before this one is handed out.
      if (waiting.length > 0) void run(takeBatch());
      if (reply.kind !== "found") throw new Error(`Bug: the scan answered "${reply.kind}" to "search".`);
      for (const [index, { limit, found }] of batch.entries()) found.resolve(readHits(ids, reply.found, index, limit));
    } catch (error) {
      if (running > 0) running -= 1;
      for (const { found } of batch) found.reject(error);
      if (waiting.length > 0) plan();
    }
  }

  return {
    ids,
    codeRange,
    nearest(query, limit, within) {
      const found = Promise.withResolvers<Found[]>();
      waiting.push({ query, limit, within, found });
      plan();
      return found.promise;
    },
    bar: (positions) => channel.tell({ kind: "bar", positions }),
    async [Symbol.asyncDispose]() {
      await channel.end();
      waiting = [];
    },
  };
}

function joinQueries(batch: readonly Waiting[], dimensions: number): BatchedSearch {
  const queries = new Float32Array(batch.length * dimensions);
  for (const [index, { query }] of batch.entries()) queries.set(query, index * dimensions);
  return { queries, within: batch[0]?.within, hits: Math.max(...batch.map(({ limit }) => limit)) };
}

function readHits(
  ids: ImageIds,
  { hits, cosines, positions, digests }: BatchedHits,
  query: number,
  limit: number,
): Found[] {
  const first = query * hits;
  const end = first + Math.min(hits, limit);
  const barred = cosines.subarray(first, end).indexOf(BARRED);
  const count = barred === -1 ? end - first : barred;
  // One string for all digests: a hundred calls for 32 bytes each took longer than the numbers behind them.
  const hex = Buffer.from(digests.buffer, digests.byteOffset + 32 * first, 32 * count).toString("hex");
  const imageIds = ids.at(positions.subarray(first, first + count));
  return imageIds.map((imageId, index) => ({
    position: positions[first + index] as number,
    imageId,
    sha256: hex.slice(64 * index, 64 * (index + 1)),
    cosine: cosines[first + index] as number,
  }));
}

/** A worker that answers in the order in which it is asked. */
interface Channel {
  onEnd: ((error: ScanError) => void) | undefined;
  ask(request: WorkerRequest, transfer?: readonly ArrayBuffer[]): Promise<WorkerReply>;
  tell(request: WorkerRequest): void;
  end(): Promise<void>;
}

function startWorker(start: WorkerStart): Channel {
  const worker = new Worker(new URL("./worker/entry.ts", import.meta.url), { workerData: start });
  const asked: PromiseWithResolvers<WorkerReply>[] = [];
  let ended: ScanError | undefined;

  function fail(error: ScanError): void {
    if (ended) return;
    ended = error;
    for (const reply of asked.splice(0)) reply.reject(error);
    channel.onEnd?.(error);
  }

  worker.on("message", (reply: WorkerReply) => {
    const next = asked.shift();
    if (reply.kind === "failed")
      next?.reject(new ScanError("SCAN_FAILED", `The scan in memory failed: ${reply.message}`));
    else next?.resolve(reply);
  });
  worker.on("error", (cause) =>
    fail(new ScanError("SCAN_ENDED", `The scan's thread died: ${cause.message}`, { cause })),
  );
  worker.on("exit", (code) => fail(new ScanError("SCAN_ENDED", `The scan's thread ended with code ${code}.`)));

  const channel: Channel = {
    onEnd: undefined,
    async ask(request, transfer = []) {
      if (ended) throw ended;
      const reply = Promise.withResolvers<WorkerReply>();
      asked.push(reply);
      worker.postMessage(request, transfer);
      return reply.promise;
    },
    tell: (request) => worker.postMessage(request),
    async end() {
      channel.onEnd = undefined;
      fail(new ScanError("SCAN_ENDED", "The scan in memory was closed."));
      await worker.terminate();
    },
  };
  return channel;
}
