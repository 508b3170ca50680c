import { expect, test } from "vitest";
import type { IngestContext } from "./ingest-context.ts";
import { createLeases } from "./leases.ts";
import { defaultRetry } from "./retry.ts";

// As in SQL: who holds what.
const held = new Map<string, string>();
const calls = {
  claim: async ({ item, owner }: { readonly item: string; readonly owner: string }) => {
    if (held.has(item)) return [];
    held.set(item, owner);
    return [item];
  },
  extend: async () => {},
  release: async ({ owner }: { readonly owner: string }) => {
    for (const [item, by] of held) if (by.startsWith(`${owner}/`)) held.delete(item);
  },
};
const context = { owner: "worker", retry: defaultRetry } as IngestContext;

test("gives back at the end of a run what it holds, and nothing of another run of the same worker", async () => {
  const open = () => createLeases<{ readonly item: string }, string>(context, calls);
  const [one, other] = [open(), open()];
  const done = Promise.withResolvers<void>();
  const working = one.withBatch({ item: "a" }, () => done.promise);
  await other.withBatch({ item: "b" }, async ({ claimed }) => expect(claimed).toEqual(["b"]));
  await other.end();
  expect([...held.keys()]).toEqual(["a"]);
  expect(await other.withBatch({ item: "a" }, async () => {})).toBe(false);
  done.resolve();
  expect(await working).toBe(true);
  await one.end();
  expect([...held.keys()]).toEqual([]);
});
