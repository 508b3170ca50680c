import type { Outcome } from "@medley/inference-api";
import { expect, test } from "vitest";
import { createScheduler, type QueuedItem } from "./scheduler.ts";

type Item = QueuedItem<string, string>;

function item(payload: string, more: Partial<Item> = {}): Item & { readonly outcomes: Outcome<string>[] } {
  const outcomes: Outcome<string>[] = [];
  const settle = (outcome: Outcome<string>): void => void outcomes.push(outcome);
  return { key: "a", payload, priority: 0, deadlineAt: 100, maxBatch: 8, cancelled: false, settle, outcomes, ...more };
}

test("takes the oldest key of the highest priority, and no more than a batch holds", () => {
  const scheduler = createScheduler<string, string>(10, () => 0);
  scheduler.enqueue([item("bulk", { key: "b", priority: 1 }), item("1", { maxBatch: 2 }), item("2"), item("3")]);
  const payloads = () => scheduler.takeBatch()?.map((one) => one.payload);
  expect([payloads(), payloads(), payloads(), payloads()]).toEqual([["1", "2"], ["3"], ["bulk"], undefined]);
});

test("settles what is past its deadline or given up without a worker asking for work", () => {
  let time = 0;
  const scheduler = createScheduler<string, string>(10, () => time);
  const [late, leaving, patient] = [item("late"), item("leaving"), item("patient", { deadlineAt: 1000 })];
  scheduler.enqueue([late, leaving, patient]);
  leaving.cancelled = true;
  time = 200;
  scheduler.expire();
  expect(late.outcomes).toMatchObject([{ ok: false, error: { code: "DEADLINE_EXCEEDED", retryable: true } }]);
  expect(leaving.outcomes).toMatchObject([{ ok: false, error: { code: "CANCELLED", retryable: false } }]);
  expect(patient.outcomes).toEqual([]);
  expect(scheduler.takeBatch()?.map((one) => one.payload)).toEqual(["patient"]);
});

test("queues none of the items when they do not all fit", () => {
  const scheduler = createScheduler<string, string>(2, () => 0);
  scheduler.enqueue([item("first")]);
  expect(() => scheduler.enqueue([item("second"), item("third")])).toThrow("limit 2");
  expect(scheduler.takeBatch()?.map((one) => one.payload)).toEqual(["first"]);
});
