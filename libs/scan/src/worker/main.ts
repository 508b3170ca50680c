import type { MessagePort } from "node:worker_threads";
import { createRowFiles } from "./row-files.ts";
import { openScanSession, type ScanSession } from "./scan-session.ts";
import { codeRange } from "./probe.ts";

/** What a worker is started with. */
export interface WorkerStart {
  readonly directory: string;
  readonly dimensions: number;
  readonly threads: number;
}

export type WorkerRequest =
  | { readonly kind: "append"; readonly vectors: Float32Array; readonly digests: Uint8Array }
  | { readonly kind: "finish" }
  | { readonly kind: "bar"; readonly positions: readonly number[] }
  | { readonly kind: "search"; readonly search: BatchedSearch };

/** Queries that are run together: those that search in the same rows. */
export interface BatchedSearch {
  /** [queries, dimensions], each of length 1. */
  readonly queries: Float32Array;
  /** One bit for each row, lowest first; every row when absent. */
  readonly within: Uint8Array | undefined;
  readonly hits: number;
}

export type WorkerReply =
  | { readonly kind: "appended" }
  | { readonly kind: "ready"; readonly codeRange: number }
  | { readonly kind: "found"; readonly found: BatchedHits }
  | { readonly kind: "failed"; readonly message: string };

/** Best first; where fewer rows may be found than `hits`, the cosine of the rest is BARRED. */
export interface BatchedHits {
  readonly hits: number;
  /** [queries, hits], all three. */
  readonly cosines: Float32Array;
  readonly positions: Int32Array;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
}

/** Answers requests in their order, one reply each but for "bar". */
export function serve(port: MessagePort, { directory, dimensions, threads }: WorkerStart): void {
  const starting = codeRange(dimensions).then((range) => ({
    range,
    files: createRowFiles(directory, dimensions, range),
  }));
  let session: ScanSession | undefined;

  async function answer(request: WorkerRequest): Promise<WorkerReply | undefined> {
    const { range, files } = await starting;
    if (request.kind === "append") {
      files.append(request.vectors, request.digests);
      return { kind: "appended" };
    }
    if (request.kind === "finish") {
      try {
        session = await openScanSession(files.finish(), { folder: files.folder, threads, exact: range });
      } finally {
        files.remove();
      }
      return { kind: "ready", codeRange: range };
    }
    if (!session) throw new Error("Bug: the scan was asked before it was filled.");
    if (request.kind === "bar") return void session.bar(request.positions);
    return { kind: "found", found: await session.search(request.search) };
  }

  let last = Promise.resolve();
  port.on("message", (request: WorkerRequest) => {
    last = last
      .then(() => answer(request))
      .then(
        (reply) => reply && port.postMessage(reply, transferable(reply)),
        (error: Error) => port.postMessage({ kind: "failed", message: error.message } satisfies WorkerReply),
      );
  });
}

function transferable(reply: WorkerReply): ArrayBuffer[] {
  if (reply.kind !== "found") return [];
  const { cosines, positions, digests } = reply.found;
  return [cosines, positions, digests].map(({ buffer }) => buffer as ArrayBuffer);
}
