import type { Inference } from "@medley/inference-api";
import type { Database } from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import type { TokenStore } from "@medley/storage/tokens";
import type { Span } from "@medley/tracing";
import type { CalibrationAttempts } from "./calibrate-when-due.ts";
import type { RetryOptions } from "./retry.ts";

/** What every part of a run needs; wired in main.ts. */
export interface IngestContext {
  readonly db: Database;
  readonly inference: Inference;
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
  /** Where image tokens lie when the engine shares this machine's files; absent: nobody looks at them. */
  readonly tokens?: TokenStore;
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Names this worker in the leases of steps; no two processes share one. */
  readonly owner: string;
  /** After a kill -9 the steps of the dead worker wait this long; 20 s unless told otherwise. */
  readonly leaseMs?: number;
  /** Aborted when the run shall stop after what it has begun. */
  readonly signal: AbortSignal;
  readonly retry: RetryOptions;
  /** The span of the run that work belongs to, once it has begun; absent where nothing is traced. */
  readonly run?: () => Span | null;
  /** Shared by all runs of this process. */
  readonly calibrationAttempts: CalibrationAttempts;
}
