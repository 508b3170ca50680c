import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTokenStore } from "./tokens.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "medley-tokens-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const vision = "vit-base@0123";
const sha256 = "cd".repeat(32);
const tokens = { data: Uint16Array.from({ length: 577 * 8 }, (_, index) => index * 7), tokens: 577, width: 8 };

function onlyFile(): string {
  const [file] = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return join(file?.parentPath ?? "", file?.name ?? "");
}

test("gives back what was written, to the same vision tower only", async () => {
  const store = openTokenStore({ directory });
  await store.write(vision, sha256, tokens);
  expect(await store.read(vision, sha256)).toEqual(tokens);
  expect(await store.read("vit-large@4567", sha256)).toBeUndefined();
  expect([await store.has(vision, sha256), await store.has(vision, "0".repeat(64))]).toEqual([true, false]);
  expect(readFileSync(onlyFile())).toHaveLength(32 + tokens.data.byteLength);
});

test("reads a damaged file as missing and removes it", async () => {
  const store = openTokenStore({ directory });
  const damages: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, bytes.length - 1),
    (bytes) => bytes.subarray(0, 10),
    () => Buffer.alloc(0),
    (bytes) => Buffer.concat([bytes, Buffer.alloc(2)]),
    (bytes) => flip(bytes, 0),
    (bytes) => flip(bytes, 4),
    (bytes) => flip(bytes, 16),
    (bytes) => flip(bytes, 32),
    (bytes) => flip(bytes, bytes.length - 1),
    // 577 x 8 read as 8 x 577: the same number of values in another shape
    (bytes) => Buffer.concat([bytes.subarray(0, 8), bytes.subarray(12, 16), bytes.subarray(8, 12), bytes.subarray(16)]),
  ];
  for (const damage of damages) {
    await store.write(vision, sha256, tokens);
    const file = onlyFile();
    writeFileSync(file, damage(readFileSync(file)));
    expect(await store.read(vision, sha256)).toBeUndefined();
    expect(existsSync(file)).toBe(false);
  }
});

function flip(bytes: Buffer, index: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  return bytes;
}

test("a picture can be deleted, and a vision tower with all its pictures", async () => {
  const store = openTokenStore({ directory });
  await store.write(vision, sha256, tokens);
  await store.write(vision, "ef".repeat(32), tokens);
  await store.delete(vision, sha256);
  await store.delete(vision, sha256);
  expect([await store.has(vision, sha256), await store.has(vision, "ef".repeat(32))]).toEqual([false, true]);
  await store.deleteAll(vision);
  expect(readdirSync(directory)).toEqual([]);
});

test("refuses a shape that does not fit the data, and a fingerprint that leaves the folder", async () => {
  const store = openTokenStore({ directory });
  await expect(store.write(vision, sha256, { ...tokens, width: 9 })).rejects.toThrow("expected 577 x 9");
  await expect(store.read("../outside", sha256)).rejects.toMatchObject({ code: "INVALID_VALUE" });
});
