import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Inference } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import { type Database, openDatabase } from "@medley/storage";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import type { IngestContext } from "../ingest-context.ts";
import type { Registration } from "../register-pictures.ts";
import { defaultRetry } from "../retry.ts";
import { type IngestProgress, type IngestRequest, runIngest } from "../run-ingest.ts";
import { openSource } from "../scan/scan-source.ts";
import { sourceOptions } from "./source-options.ts";

export interface TestRun {
  readonly inference?: Inference;
  readonly captions?: boolean;
  readonly priority?: number;
  /** What the run sees of the database. */
  readonly db?: Database;
  readonly leaseMs?: number;
  /** Other members of the request. */
  readonly request?: Partial<IngestRequest>;
  readonly onRegistration?: (registration: Registration) => void;
}

/** A database and stores of its own, and runs on them with a fake engine and short waits. */
export async function openIngestForTest() {
  const home = mkdtempSync(join(tmpdir(), "medley-control-"));
  const blobs = openBlobStore({ directory: join(home, "blobs") });
  const open = (): Promise<Database> => openDatabase({ home, databaseUrl: process.env.TEST_DATABASE_URL });
  const db = await open();
  const notes: string[] = [];
  let corpora = 0;
  const contextOf = (run: Pick<TestRun, "db" | "leaseMs" | "inference"> = {}): IngestContext => ({
    db: run.db ?? db,
    ...(run.leaseMs !== undefined && { leaseMs: run.leaseMs }),
    inference: run.inference ?? createFakeInference({ readBlob: blobs.read }),
    blobs,
    thumbnails: openVariantStore({ directory: join(home, "thumbnails") }),
    maxBytes: 1_000_000,
    maxPixels: 100_000_000,
    owner: `test-${Math.random()}`,
    signal: new AbortController().signal,
    calibrationAttempts: new Map(),
    retry: { ...defaultRetry, sleep: (milliseconds) => defaultRetry.sleep(Math.min(milliseconds, 20)) },
  });
  return {
    db,
    home,
    contextOf,
    blobs,
    notes,
    /** Another pool to the same database, as another process would have. */
    open,
    newCorpus: () => `control-test-${process.pid}-${Date.now()}-${(corpora += 1)}`,
    async ingest(corpus: string, path: string | undefined, run: TestRun = {}): Promise<IngestProgress> {
      const context = contextOf(run);
      const request: IngestRequest = {
        corpus,
        captions: run.captions ?? true,
        retryFailed: false,
        ...(run.priority !== undefined && { priority: run.priority }),
        ...run.request,
        ...(path !== undefined && { findings: await openSource(path, sourceOptions()) }),
      };
      return runIngest(context, request, {
        onRegistration: run.onRegistration ?? (() => {}),
        onFailedImage: () => {},
        onProgress: () => {},
        onNote: (note) => notes.push(note),
      });
    },
  };
}

export function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  const root = mkdtempSync(join(tmpdir(), "medley-pictures-"));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
  return root;
}
