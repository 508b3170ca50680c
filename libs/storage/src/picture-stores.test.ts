import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPictureStores, type PictureStorePlace } from "./picture-stores.ts";
import { checkS3, openS3Stores, type S3Place } from "./s3-stores.ts";
import { openTestS3, type TestS3 } from "./testing/s3-server.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-stores-"));
const onDisk = { blobDirectory: join(folder, "blobs"), thumbnailDirectory: join(folder, "thumbnails") };
let s3: TestS3;
beforeAll(async () => {
  s3 = await openTestS3();
});
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const ABSENT = "0".repeat(64);

// What every store of pictures must do.
describe.each(["disk", "bucket"])("pictures in a %s", (kind) => {
  const place = (): PictureStorePlace => (kind === "disk" ? onDisk : { ...onDisk, s3: s3.place });

  test("keeps bytes under their content and gives them back", async () => {
    const { blobs } = openPictureStores(place());
    const bytes = randomBytes(100_000);
    const sha256 = await blobs.put(bytes);
    expect(sha256).toBe(sha256Of(bytes));
    expect(await blobs.put(bytes)).toBe(sha256);
    expect([await blobs.has(sha256), await blobs.has(ABSENT)]).toEqual([true, false]);
    expect(await blobs.read(sha256)).toEqual(bytes);
    await expect(blobs.read(ABSENT)).rejects.toMatchObject({ code: "NOT_FOUND", retryable: false });
    const found = await blobs.find(sha256);
    expect(found?.sizeBytes).toBe(100_000);
    expect(await buffer((await found?.open()) as NodeJS.ReadableStream)).toEqual(bytes);
    expect(await blobs.find(ABSENT)).toBeUndefined();
    expect(blobs.placeOf(sha256)).toContain(`blobs/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`);
    await blobs.remove(sha256);
    await blobs.remove(sha256);
    expect(await blobs.has(sha256)).toBe(false);
  });

  test("stores a file without changing it, and the same content by several writers once", async () => {
    const { blobs } = openPictureStores(place());
    const bytes = randomBytes(3_000_000);
    const path = join(folder, `${kind}.jpg`);
    writeFileSync(path, bytes);
    const hashes = await Promise.all([1, 2, 3, 4].map(() => blobs.putFile(path)));
    expect(new Set(hashes)).toEqual(new Set([sha256Of(bytes)]));
    expect(await blobs.read(sha256Of(bytes))).toEqual(bytes);
    await expect(blobs.putFile(join(folder, "missing.jpg"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("writes bytes again that something has cut off, when they come again", async () => {
    const { blobs } = openPictureStores(place());
    const bytes = randomBytes(50_000);
    const source = join(folder, `${kind}-again.jpg`);
    writeFileSync(source, bytes);
    for (const put of [() => blobs.put(bytes), () => blobs.putFile(source)]) {
      const sha256 = await put();
      truncateSync(kind === "disk" ? blobs.placeOf(sha256) : objectFile(sha256), 100);
      expect((await blobs.find(sha256))?.sizeBytes).toBe(100);
      await put();
      expect(await blobs.read(sha256)).toEqual(bytes);
    }
  });

  test("keeps what is derived from a blob by name, and removes all of it at once", async () => {
    const { thumbnails } = openPictureStores(place());
    const sha256 = sha256Of(randomBytes(8));
    await thumbnails.write(sha256, "320.webp", Buffer.from("small"));
    await thumbnails.write(sha256, "320.webp", Buffer.from("smaller"));
    await thumbnails.write(sha256, "112.rgb", Buffer.from("pixels"));
    expect(await thumbnails.read(sha256, "320.webp")).toEqual(Buffer.from("smaller"));
    expect((await thumbnails.find(sha256, "320.webp"))?.sizeBytes).toBe(7);
    expect([await thumbnails.has(sha256, "112.rgb"), await thumbnails.has(sha256, "64.webp")]).toEqual([true, false]);
    expect(await thumbnails.read(sha256, "64.webp")).toBeUndefined();
    await thumbnails.remove(sha256, "112.rgb");
    await thumbnails.remove(sha256, "112.rgb");
    expect(await thumbnails.has(sha256, "112.rgb")).toBe(false);
    await thumbnails.write(sha256, "64.webp", Buffer.from("tiny"));
    await thumbnails.removeAll(sha256);
    expect([await thumbnails.has(sha256, "320.webp"), await thumbnails.has(sha256, "64.webp")]).toEqual([false, false]);
  });

  test("refuses what is no hash and no variant, so that nothing leaves the store", async () => {
    const { blobs, thumbnails } = openPictureStores(place());
    for (const name of ["../../etc/passwd", "", "A".repeat(64), "a".repeat(63)]) {
      await expect(blobs.read(name)).rejects.toMatchObject({ code: "INVALID_VALUE" });
    }
    await expect(async () => thumbnails.read(ABSENT, "../x")).rejects.toMatchObject({ code: "INVALID_VALUE" });
  });
});

/** Where the test's S3 service keeps an object. */
function objectFile(sha256: string): string {
  const name = readdirSync(s3.directory, { recursive: true }).find(
    (each) => String(each).includes(sha256) && String(each).endsWith("._S3rver_object"),
  );
  return join(s3.directory, String(name));
}

const storesAt = (change: Partial<S3Place>) => openS3Stores({ ...s3.place, ...change });

test("says that an object in the bucket is damaged instead of giving it out", async () => {
  const { blobs } = storesAt({});
  const sha256 = await blobs.put(Buffer.from("a picture that will be damaged"));
  writeFileSync(objectFile(sha256), "something else");
  await expect(blobs.read(sha256)).rejects.toThrow(/is damaged: its SHA-256 is [0-9a-f]{64}\. Remove it/);
});

test("names the bucket that is not there, and what to do", async () => {
  const nowhere = { bucket: "nowhere" };
  await expect(storesAt(nowhere).blobs.put(Buffer.from("x"))).rejects.toMatchObject({
    code: "NOT_FOUND",
    retryable: false,
    message: `${s3.place.endpoint} has no bucket "nowhere". Create it, or set MEDLEY_BLOBS.`,
  });
  await expect(checkS3({ ...s3.place, ...nowhere })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await checkS3(s3.place);
});

test("names credentials that the service refuses", async () => {
  const known = process.env["AWS_ACCESS_KEY_ID"];
  process.env["AWS_ACCESS_KEY_ID"] = "NOBODY";
  try {
    const refused = storesAt({}).blobs.put(Buffer.from("y"));
    await expect(refused).rejects.toMatchObject({ code: "INVALID_VALUE", retryable: false });
    await expect(refused).rejects.toThrow(/may not be used .* Check AWS_ACCESS_KEY_ID/);
  } finally {
    process.env["AWS_ACCESS_KEY_ID"] = known;
  }
});

test("is retryable while the service is away, and goes on when it is back", async () => {
  await using gone = await openTestS3();
  const stores = openS3Stores(gone.place);
  const bytes = Buffer.from("a picture for later");
  await gone[Symbol.asyncDispose]();
  await expect(stores.blobs.put(bytes)).rejects.toMatchObject({ code: "UNREACHABLE", retryable: true });
  await using back = await openTestS3({ port: Number(new URL(gone.place.endpoint ?? "").port) });
  expect(back.place).toEqual(gone.place);
  expect(await stores.blobs.put(bytes)).toBe(sha256Of(bytes));
});

test("takes an error of the service for a fault that may pass", async () => {
  const server = createServer((_request, response) => response.writeHead(503).end());
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(storesAt({ endpoint }).blobs.read(ABSENT)).rejects.toMatchObject({
    code: "UNREACHABLE",
    retryable: true,
  });
  server.close();
});
