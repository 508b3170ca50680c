import { InferenceError } from "@medley/inference-api";
import { StorageError } from "@medley/storage";
import { describe, expect, test } from "vitest";
import { allOrAbort } from "./all-or-abort.ts";
import { mapInOrder } from "./map-in-order.ts";
import { createPace } from "./progress-view.ts";
import { type RetryOptions, retryTransient } from "./retry.ts";

describe("mapInOrder", () => {
  async function* count(to: number) {
    for (let number = 0; number < to; number += 1) yield number;
  }

  test("gives results in the order of the items and runs no more than the limit at once", async () => {
    let running = 0;
    let most = 0;
    const results: number[] = [];
    const work = async (number: number) => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < 10 - number; turn += 1) await Promise.resolve();
      running -= 1;
      return number;
    };
    for await (const result of mapInOrder(count(10), 3, work)) results.push(result);
    expect(results).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(3);
  });

  test("throws the failure of an item when its turn comes", async () => {
    const results: number[] = [];
    const run = async () => {
      const work = async (number: number) => {
        if (number === 2) throw new Error("two");
        return number;
      };
      for await (const result of mapInOrder(count(5), 4, work)) results.push(result);
    };
    await expect(run()).rejects.toThrow("two");
    expect(results).toEqual([0, 1]);
  });
});

test("allOrAbort stops the others at the first failure and throws it when all have ended", async () => {
  const failure = new AbortController();
  let ended = false;
  const patient = new Promise<void>((resolve) => failure.signal.addEventListener("abort", () => resolve())).then(() => {
    ended = true;
  });
  await expect(allOrAbort(failure, [patient, Promise.reject(new Error("first"))])).rejects.toThrow("first");
  expect(ended).toBe(true);
});

describe("retryTransient", () => {
  function clocked(giveUpAfterMs = 60_000): RetryOptions & { waits: number[] } {
    let now = 0;
    const waits: number[] = [];
    return {
      giveUpAfterMs,
      waits,
      now: () => now,
      random: () => 1,
      sleep: async (milliseconds) => {
        waits.push(milliseconds);
        now += milliseconds;
      },
    };
  }
  const failing = (times: number, error: Error) => {
    let calls = 0;
    return async () => {
      calls += 1;
      if (calls <= times) throw error;
      return "done";
    };
  };

  test("waits longer each time until an overloaded server takes the call, however long it is overloaded", async () => {
    const options = clocked(1_000);
    const overloaded = new InferenceError("OVERLOADED", "full");
    expect(await retryTransient(failing(8, overloaded), options)).toBe("done");
    expect(options.waits).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  test("gives up on a server that stays unreachable, saying how to go on", async () => {
    const gone = new InferenceError("UNAVAILABLE", "The inference server is not reachable.");
    await expect(retryTransient(failing(1000, gone), clocked())).rejects.toThrow(
      "Run the same command again to go on.",
    );
  });

  test("repeats a lost database connection, and nothing that would fail again", async () => {
    const lost = new StorageError("UNREACHABLE", "lost", { retryable: true });
    expect(await retryTransient(failing(1, lost), clocked())).toBe("done");
    const wrong = new InferenceError("UNSUPPORTED", "no such task");
    await expect(retryTransient(failing(1, wrong), clocked())).rejects.toBe(wrong);
  });
});

test("the pace counts from the first look on, so work of earlier runs does not count", () => {
  let now = 0;
  const pace = createPace(() => now);
  expect(pace(100, 200)).toEqual({ stepsPerSecond: 0 });
  now = 10_000;
  expect(pace(120, 200)).toEqual({ stepsPerSecond: 2, secondsLeft: 40 });
  // Steps were opened again.
  expect(pace(60, 200)).toEqual({ stepsPerSecond: 0 });
  now = 20_000;
  expect(pace(70, 200)).toEqual({ stepsPerSecond: 1, secondsLeft: 130 });
});
