import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { IngestError } from "../ingest-error.ts";
import { requireFolder, watchFolder } from "./watch-folder.ts";

const running: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

/** Watches a folder of its own, look by look as the test says, and writes down what it is told, one word a thing: "+a.jpg a text", "!pipe CODE", "-a.jpg". */
function watch() {
  const folder = mkdtempSync(join(tmpdir(), "medley-watch-"));
  const stop = new AbortController();
  const seen: string[] = [];
  const unreadable: IngestError[] = [];
  let looked = Promise.withResolvers<void>();
  let lookAgain = () => {};
  const options = {
    signal: stop.signal,
    sleep: () => {
      looked.resolve();
      return new Promise<void>((rested) => {
        lookAgain = rested;
      });
    },
    onUnreadable: (error: IngestError) => unreadable.push(error),
  };
  const look = async () => {
    await looked.promise;
    looked = Promise.withResolvers();
    // Longer than the clock of a file system ticks.
    await sleep(20);
    lookAgain();
    await looked.promise;
  };
  /** Two looks are needed for a file to count, and a third tells whether it counts twice. */
  const settle = async () => {
    for (let count = 0; count < 3; count += 1) await look();
  };
  const short = (path: string) => path.slice(folder.length + 1);
  const begin = () => {
    const ended = (async () => {
      for await (const round of watchFolder(folder, options)) {
        for await (const finding of round.findings) {
          if (finding.kind === "rejected") seen.push(`!${short(finding.path)} ${finding.error.code}`);
          else seen.push(`+${[short(finding.path), finding.webText].filter(Boolean).join(" ")}`);
        }
        seen.push(...round.removed.map((path) => `-${short(path)}`));
      }
    })();
    running.push(async () => {
      stop.abort();
      lookAgain();
      await ended;
    });
  };
  const inside = (name: string) => join(folder, name);
  return { folder, inside, seen, unreadable, begin, look, settle };
}

test("takes what is there, then what appears in any subfolder, each once", async () => {
  const { inside, seen, begin, settle } = watch();
  writeFileSync(inside("a.jpg"), "a");
  begin();
  await settle();
  expect(seen).toEqual(["+a.jpg"]);
  mkdirSync(inside("new/deep"), { recursive: true });
  writeFileSync(inside("new/deep/b.jpg"), "b");
  await settle();
  expect(seen).toEqual(["+a.jpg", "+new/deep/b.jpg"]);
});

test("takes a file when it has stopped growing, and not before", async () => {
  const { inside, seen, begin, look, settle } = watch();
  begin();
  // The first look must be over, or it might see the first part and the next look see the same.
  await look();
  for (let part = 0; part < 5; part += 1) {
    appendFileSync(inside("slow.jpg"), "part");
    await look();
  }
  expect(seen).toEqual([]);
  await settle();
  expect(seen).toEqual(["+slow.jpg"]);
});

test("takes a file again when its content changes, also within the same size, and when its text does", async () => {
  const { inside, seen, begin, settle } = watch();
  writeFileSync(inside("a.jpg"), "one");
  begin();
  await settle();
  writeFileSync(inside("a.jpg"), "two");
  await settle();
  writeFileSync(inside("a.txt"), "a text");
  await settle();
  expect(seen).toEqual(["+a.jpg", "+a.jpg", "+a.jpg a text"]);
});

test("reports a removed file once, and takes it again when it comes back", async () => {
  const { inside, seen, begin, settle } = watch();
  writeFileSync(inside("a.jpg"), "a");
  begin();
  await settle();
  unlinkSync(inside("a.jpg"));
  await settle();
  await settle();
  expect(seen).toEqual(["+a.jpg", "-a.jpg"]);
  writeFileSync(inside("a.jpg"), "a");
  await settle();
  expect(seen).toEqual(["+a.jpg", "-a.jpg", "+a.jpg"]);
});

test("finds a renamed file under its new name", async () => {
  const { inside, seen, begin, settle } = watch();
  writeFileSync(inside("a.jpg"), "a");
  begin();
  await settle();
  renameSync(inside("a.jpg"), inside("b.jpg"));
  await settle();
  expect(seen.slice(1).sort()).toEqual(["+b.jpg", "-a.jpg"]);
});

test("does not report a text as removed that was there before its picture", async () => {
  const { inside, seen, begin, settle } = watch();
  writeFileSync(inside("a.txt"), "a text");
  begin();
  await settle();
  writeFileSync(inside("a.jpg"), "a");
  await settle();
  expect(seen).toEqual(["+a.txt", "+a.jpg a text"]);
});

test("reports a link to nothing once", async () => {
  const { inside, seen, begin, settle } = watch();
  symlinkSync(inside("nothing"), inside("link.jpg"));
  begin();
  await settle();
  await settle();
  expect(seen).toEqual(["!link.jpg FILE_NOT_FOUND"]);
});

test("does not take files for removed while the whole folder cannot be read, and says so once", async () => {
  const { folder, inside, seen, unreadable, begin, settle } = watch();
  writeFileSync(inside("a.jpg"), "a");
  begin();
  await settle();
  renameSync(folder, `${folder}-away`);
  await settle();
  await settle();
  expect(unreadable.map(({ code }) => code)).toEqual(["FILE_NOT_FOUND"]);
  renameSync(`${folder}-away`, folder);
  await settle();
  expect(seen).toEqual(["+a.jpg"]);
});

test.skipIf(process.getuid?.() === 0)(
  "does not take files for removed while their subfolder may not be read",
  async () => {
    const { inside, seen, begin, settle } = watch();
    mkdirSync(inside("sub"));
    writeFileSync(inside("sub/a.jpg"), "a");
    begin();
    await settle();
    chmodSync(inside("sub"), 0o000);
    await settle();
    chmodSync(inside("sub"), 0o700);
    await settle();
    expect(seen).toEqual(["+sub/a.jpg", "!sub UNREADABLE"]);
  },
);

test("says that only a folder can be watched", async () => {
  const { inside, folder } = watch();
  writeFileSync(inside("a.csv"), "path");
  for (const path of [inside("a.csv"), join(folder, "missing")]) {
    await expect(requireFolder(path)).rejects.toMatchObject({ code: "SOURCE_UNSUPPORTED" });
  }
  rmSync(folder, { recursive: true });
});
