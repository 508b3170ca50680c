import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { mapInOrder } from "./map-in-order.ts";
import { type InputLine, readLines } from "./read-lines.ts";

const schema = z.object({ image: z.string() });

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function read(text: string): Promise<InputLine<{ image: string }>[]> {
  const file = join(mkdtempSync(join(tmpdir(), "medley-lines-")), "input.jsonl");
  writeFileSync(file, text);
  return collect(readLines(file, schema));
}

test("gives each line in its place, bad ones with what they held", async () => {
  const lines = await read('\uFEFF{"image":"a"}\r\n\n{"image":\n{"text":"b"}\n[1]\n{"image":"c"}');
  expect(lines).toMatchObject([
    { line: 1, ok: true, item: { image: "a" } },
    { line: 3, ok: false, given: { line: 3 }, error: { code: "INVALID_LINE" } },
    { line: 4, ok: false, given: { text: "b" }, error: { code: "INVALID_LINE" } },
    { line: 5, ok: false, given: { line: 5 } },
    { line: 6, ok: true, item: { image: "c" } },
  ]);
});

test("says which input cannot be read", async () => {
  await expect(collect(readLines("/nowhere/x.jsonl", schema))).rejects.toThrow('"/nowhere/x.jsonl"');
});

test("reads only as far ahead as results are taken", async () => {
  let taken = 0;
  async function* endless() {
    for (;;) yield (taken += 1);
  }
  const results = mapInOrder(endless(), 3, async (number) => number);
  expect((await results.next()).value).toBe(1);
  expect((await results.next()).value).toBe(2);
  expect(taken).toBeLessThanOrEqual(4);
});
