import { InferenceError, type Outcome } from "@medley/inference-api";

/** One item waiting for a worker. Items with equal keys may run in one batch. */
export interface QueuedItem<Payload, Result> {
  readonly key: string;
  readonly payload: Payload;
  /** Smaller runs first: what a person waits for before what a bulk import waits for. */
  readonly priority: number;
  readonly deadlineAt: number;
  readonly maxBatch: number;
  readonly settle: (outcome: Outcome<Result>) => void;
  cancelled: boolean;
}

/** A queue that forms batches while workers are busy: no timers, a batch is whatever waits when a worker becomes free. */
export interface Scheduler<Payload, Result> {
  /** @throws InferenceError OVERLOADED when the items do not fit; none of them is queued then */
  enqueue(items: readonly QueuedItem<Payload, Result>[]): void;
  /** The next batch, all of one key, oldest first within the highest priority; undefined when nothing waits. */
  takeBatch(): readonly QueuedItem<Payload, Result>[] | undefined;
  /** Settles what was given up or is past its deadline. Batches do it too; this is for while every worker is busy. */
  expire(): void;
  /** Settles everything that waits with an error. */
  clear(error: InferenceError): void;
}

/**
 * @param maxQueuedItems bound of the queue; beyond it callers get a typed overload error instead of a longer wait
 * @param now            milliseconds, injected for tests
 */
export function createScheduler<Payload, Result>(
  maxQueuedItems: number,
  now: () => number = Date.now,
): Scheduler<Payload, Result> {
  let queue: QueuedItem<Payload, Result>[] = [];

  function dropFinished(): void {
    const time = now();
    queue = queue.filter((item) => {
      if (item.cancelled) {
        item.settle({ ok: false, error: new InferenceError("CANCELLED", "The call was given up before it ran.") });
        return false;
      }
      if (time <= item.deadlineAt) return true;
      const message = `The deadline passed after ${queue.length} items had been waiting. Allow more time or send less at once.`;
      item.settle({ ok: false, error: new InferenceError("DEADLINE_EXCEEDED", message) });
      return false;
    });
  }

  return {
    enqueue(items) {
      dropFinished();
      if (queue.length + items.length > maxQueuedItems) {
        throw new InferenceError(
          "OVERLOADED",
          `Inference queue is full (${queue.length} waiting, limit ${maxQueuedItems}, ${items.length} more asked for). ` +
            "Retry later or raise INFERENCE_MAX_QUEUE.",
        );
      }
      queue.push(...items);
    },
    takeBatch() {
      dropFinished();
      let first: QueuedItem<Payload, Result> | undefined;
      for (const item of queue) if (!first || item.priority < first.priority) first = item;
      if (!first) return undefined;
      const { key, maxBatch } = first;
      const batch: QueuedItem<Payload, Result>[] = [];
      queue = queue.filter((item) => {
        if (item.key !== key || batch.length >= maxBatch) return true;
        batch.push(item);
        return false;
      });
      return batch;
    },
    expire: dropFinished,
    clear(error) {
      for (const item of queue) item.settle({ ok: false, error });
      queue = [];
    },
  };
}
