import { setTimeout as sleep } from "node:timers/promises";
import { InferenceError } from "@medley/inference-api";

/** How long a search waits for an engine whose queue is full: others that are judged make room within a second or two. */
const PATIENCE_MS = 5_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 800;

export interface Patience {
  /** 5 seconds when absent. */
  readonly patienceMs?: number | undefined;
  /** Milliseconds that the search still has; null without a deadline. */
  readonly remainingMs: () => number | null;
  readonly signal?: AbortSignal | undefined;
  readonly clock: () => number;
}

/**
 * Repeats calls that an engine refuses because its queue is full, until it has had none of them in hand for as long as the patience lasts, or the search's
 * time is over. Waits grow, and differ, so that searches which wait do not come back together.
 * @throws InferenceError OVERLOADED then, and whatever else the call throws at once
 */
export function createPatience({ patienceMs = PATIENCE_MS, remainingMs, signal, clock }: Patience) {
  let inHandAt = clock();
  let inHand = 0;
  /** Whether refusals are to be waited out still; another call of the search that is in the engine's hands will be done. */
  const isPatient = (waitMs: number) => {
    if (inHand > 0) inHandAt = clock();
    return Math.min(patienceMs - (clock() - inHandAt), remainingMs() ?? Number.POSITIVE_INFINITY) > waitMs;
  };
  return async function outwait<T>(call: () => Promise<T>): Promise<T> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      inHand += 1;
      try {
        const value = await call();
        inHandAt = clock();
        inHand -= 1;
        return value;
      } catch (error) {
        inHand -= 1;
        const isFull = error instanceof InferenceError && error.code === "OVERLOADED";
        if (!isFull || signal?.aborted === true || !isPatient(waitMs)) throw error;
        await sleep(waitMs * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => {});
      }
    }
  };
}
