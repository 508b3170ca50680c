import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { openBlobStore } from "@medley/storage/blobs";
import { pack } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restorePictures } from "./restore-pictures.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "medley-restore-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("adds the pictures that are missing, and writes one that was cut off again", async () => {
  const pictures = [Buffer.from("the first picture"), Buffer.from("the second picture")];
  const shard = pack();
  for (const [index, bytes] of pictures.entries()) {
    shard.entry({ name: `${index}.webp` }, bytes);
    shard.entry({ name: `${index}.json` }, "{}");
  }
  shard.finalize();
  writeFileSync(join(folder, "00000.tar"), await buffer(shard));
  const blobs = openBlobStore({ directory: join(folder, "blobs") });
  expect(await restorePictures(folder, "00000.tar", blobs)).toBe(2);

  const cut = blobs.pathOf(
    createHash("sha256")
      .update(pictures[0] ?? "")
      .digest("hex"),
  );
  truncateSync(cut, 3);
  expect(await restorePictures(folder, "00000.tar", blobs)).toBe(0);
  expect(readFileSync(cut)).toEqual(pictures[0]);
});
