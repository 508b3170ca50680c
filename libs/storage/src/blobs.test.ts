import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBlobStore, openVariantStore, removeDrafts } from "./blobs.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "medley-blobs-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("keeps bytes under their content and gives them back", async () => {
  const store = openBlobStore({ directory });
  const bytes = Buffer.from("a picture");
  const sha256 = await store.put(bytes);
  expect(sha256).toBe(sha256Of(bytes));
  expect(store.pathOf(sha256)).toBe(join(directory, sha256.slice(0, 2), sha256.slice(2, 4), sha256));
  expect([await store.has(sha256), await store.has("0".repeat(64))]).toEqual([true, false]);
  expect(await store.read(sha256)).toEqual(bytes);
  await expect(store.read("0".repeat(64))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("stores a file without changing it, and the same content once", async () => {
  const store = openBlobStore({ directory: join(directory, "store") });
  const bytes = Buffer.alloc(3_000_000, "abcdefg");
  writeFileSync(join(directory, "file.jpg"), bytes);
  const hashes = await Promise.all([1, 2, 3, 4].map(() => store.putFile(join(directory, "file.jpg"))));
  expect(new Set(hashes)).toEqual(new Set([sha256Of(bytes)]));
  expect(await store.read(sha256Of(bytes))).toEqual(bytes);
  expect(readdirSync(join(directory, "store", "drafts"))).toEqual([]);
  await expect(store.putFile(join(directory, "missing.jpg"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("refuses what is not a hash, so that no path leaves the store", async () => {
  const store = openBlobStore({ directory });
  for (const name of ["../../etc/passwd", "", "A".repeat(64), "a".repeat(63)]) {
    await expect(store.read(name)).rejects.toMatchObject({ code: "INVALID_VALUE" });
  }
});

test("a writer killed between write and rename leaves no blob, and its draft is swept later", async () => {
  const script = `
    import fs from "node:fs/promises";
    import { syncBuiltinESMExports } from "node:module";
    fs.rename = () => process.kill(process.pid, "SIGKILL");
    syncBuiltinESMExports();
    const { openBlobStore } = await import(${JSON.stringify(new URL("./blobs.ts", import.meta.url).href)});
    await openBlobStore({ directory: process.argv[1] }).put(Buffer.from("a picture"));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, directory], { stdio: "inherit" });
  expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
  const store = openBlobStore({ directory });
  const sha256 = sha256Of(Buffer.from("a picture"));
  expect(await store.has(sha256)).toBe(false);
  expect(readdirSync(join(directory, "drafts"))).toHaveLength(1);
  expect(await removeDrafts({ directory, olderThanMs: 60_000 })).toBe(0);
  expect(await removeDrafts({ directory, olderThanMs: -1 })).toBe(1);
  expect(await store.put(Buffer.from("a picture"))).toBe(sha256);
});

test("what was answered for survives kill -9 of the writer", async () => {
  const script = `
    const { openBlobStore } = await import(${JSON.stringify(new URL("./blobs.ts", import.meta.url).href)});
    const store = openBlobStore({ directory: process.argv[1] });
    for (let index = 0; ; index += 1) console.log(await store.put(Buffer.alloc(50_000, "picture " + index)));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += String(data);
    if (output.split("\n").length > 20) child.kill("SIGKILL");
  });
  await once(child, "close");
  const store = openBlobStore({ directory });
  const acknowledged = output.split("\n").filter((line) => line.length === 64);
  expect(acknowledged.length).toBeGreaterThanOrEqual(20);
  for (const sha256 of acknowledged) expect(sha256Of(await store.read(sha256))).toBe(sha256);
});

test("keeps variants of a picture beside each other", async () => {
  const store = openVariantStore({ directory });
  const sha256 = "ab".repeat(32);
  await store.write(sha256, "320.webp", Buffer.from("small"));
  await store.write(sha256, "1024.webp", Buffer.from("large"));
  expect(String(await store.read(sha256, "320.webp"))).toBe("small");
  expect([await store.has(sha256, "1024.webp"), await store.has(sha256, "64.webp")]).toEqual([true, false]);
  expect(await store.read(sha256, "64.webp")).toBeUndefined();
  expect(() => store.pathOf(sha256, "../x")).toThrow('Variant "../x"');
});
