import { expect, test } from "vitest";
import { createNewest } from "./newest.ts";

test("hands a slow reader the newest event alone, then the end", async () => {
  let ends = 0;
  const { events, offer, finish } = createNewest<number>(() => (ends += 1));
  for (let event = 1; event <= 1000; event += 1) offer(event);
  expect(await events.next()).toEqual({ done: false, value: 1000 });
  offer(1001);
  finish();
  offer(1002);
  expect(ends).toBe(1);
  expect(await events.next()).toEqual({ done: false, value: 1001 });
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

test("hands an event at once to a reader who waits", async () => {
  const { events, offer } = createNewest<string>(() => {});
  const waiting = events.next();
  offer("first");
  expect(await waiting).toEqual({ done: false, value: "first" });
});

test("says once that its reader has gone, lets go whoever waits, and keeps nothing for him", async () => {
  let ends = 0;
  const { events, offer, finish } = createNewest<string>(() => (ends += 1));
  const waiting = events.next();
  await events.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  offer("late");
  finish();
  expect(await events.next()).toEqual({ done: true, value: undefined });
  expect(ends).toBe(1);
});
