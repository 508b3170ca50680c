import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder, requireWritableFolder } from "./make-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-make-folder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("makes a folder with those above it, however many ask at once, and leaves one that is there", async () => {
  const path = join(folder, "a/b/c");
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)));
  await makeFolder(path);
  expect(existsSync(path)).toBe(true);
});

test("ends where no folder can be made", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(makeFolder(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(join(folder, "file/x"))).rejects.toMatchObject({ code: "ENOTDIR" });
  // Where there is no /proc an ordinary user may not make one either.
  await expect(makeFolder("/proc/medley/x")).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
});

test("tells a folder that can be written from one that cannot, and leaves nothing there", async () => {
  await requireWritableFolder(join(folder, "new"), "Do this.");
  expect(readdirSync(join(folder, "new"))).toEqual([]);
  await expect(requireWritableFolder("/dev/null/x", "Do this.")).rejects.toMatchObject({
    code: "NOT_WRITABLE",
    message: '"/dev/null/x" cannot be written (ENOTDIR). Do this.',
  });
});
