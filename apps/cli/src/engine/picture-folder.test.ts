import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBlobStore } from "@medley/storage/blobs";
import { expect, test } from "vitest";
import { openPictureFolder } from "./picture-folder.ts";

/** Above the highest number that Linux gives to a process. */
const NO_PROCESS = 4_194_305;

function newHome(): string {
  return mkdtempSync(join(tmpdir(), "medley-pictures-"));
}

test("gives pictures by their content without copying them, and two names of the same bytes as one", async () => {
  const home = newHome();
  for (const name of ["a.png", "b.png"]) writeFileSync(join(home, name), "the same bytes");
  await using pictures = await openPictureFolder(home);
  const [a, b] = [await pictures.add(join(home, "a.png")), await pictures.add(join(home, "b.png"))];
  expect(a).toEqual(b);
  const sha256 = "sha256" in a ? a.sha256 : "";
  const blobs = openBlobStore({ directory: pictures.stores.blobDirectory });
  expect((await blobs.read(sha256)).toString()).toBe("the same bytes");
  expect(readFileSync(join(home, "a.png"), "utf8")).toBe("the same bytes");
});

test("says which picture cannot be read", async () => {
  await using pictures = await openPictureFolder(newHome());
  await expect(pictures.add("/nowhere/x.png")).rejects.toMatchObject({
    code: "IMAGE_NOT_FOUND",
    message: 'The picture "/nowhere/x.png" cannot be read: there is no such file.',
  });
});

test("removes its own folder at the end, and that of a command that was killed, and none that is in use", async () => {
  const home = newHome();
  const [abandoned, used, other] = [`evaluation-${NO_PROCESS}-x`, `evaluation-${process.ppid}-x`, "evaluations"];
  for (const name of [abandoned, used, other]) mkdirSync(join(home, name, "tokens"), { recursive: true });
  const pictures = await openPictureFolder(home);
  expect(existsSync(join(home, abandoned))).toBe(false);
  expect(readdirSync(home)).toHaveLength(3);
  await pictures[Symbol.asyncDispose]();
  expect(readdirSync(home).sort()).toEqual([used, other].sort());
});
