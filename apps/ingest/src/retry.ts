import { setTimeout as wait } from "node:timers/promises";
import { InferenceError } from "@medley/inference-api";
import { StorageError } from "@medley/storage";
import { IngestError } from "./ingest-error.ts";

export interface RetryOptions {
  /** Gives up when a server has been unreachable for this long. */
  readonly giveUpAfterMs: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

export const defaultRetry: RetryOptions = {
  giveUpAfterMs: 300_000,
  now: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
  },
  random: Math.random,
};

/**
 * Repeats a call that was refused as a whole (overload, server or database not reachable) with growing, jittered waits. An
 * overloaded server is waited for without end, for it works; one that cannot be reached ends the run after `giveUpAfterMs`.
 */
export async function retryTransient<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  let unreachableSince: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!isTransient(error) || options.signal?.aborted) throw error;
      unreachableSince = error.code === "OVERLOADED" ? undefined : (unreachableSince ?? options.now());
      if (unreachableSince !== undefined && options.now() - unreachableSince > options.giveUpAfterMs) {
        const seconds = Math.round(options.giveUpAfterMs / 1000);
        const message = `Gave up after ${seconds} s: ${error.message} Run the same command again to go on.`;
        throw new IngestError("UNAVAILABLE", message, { cause: error });
      }
      const longestMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
      await options.sleep(longestMs * (0.5 + options.random() / 2), options.signal);
    }
  }
}

/**
 * The outcomes of a call, unless something behind the engine is away, such as the bucket of the pictures: no item is to blame for that, so the
 * whole call is to be repeated. What was done of it already is not done again, for image tokens are stored.
 */
export function requireAvailable<
  Item extends { readonly ok: true } | { readonly ok: false; readonly error: InferenceError },
>(outcomes: Item[]): Item[] {
  for (const outcome of outcomes) if (!outcome.ok && outcome.error.code === "UNAVAILABLE") throw outcome.error;
  return outcomes;
}

/** Whether the same call may succeed later. */
export function isTransient(error: unknown): error is InferenceError | StorageError {
  return (error instanceof InferenceError || error instanceof StorageError) && error.retryable;
}
