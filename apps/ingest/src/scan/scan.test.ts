import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { execFileSync } from "node:child_process";
import type { Finding } from "./finding.ts";
import { sourceOptions } from "../testing/source-options.ts";
import { readPicture } from "./read-picture.ts";
import { openSource } from "./scan-source.ts";

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "medley-scan-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

async function scan(path: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of await openSource(path, sourceOptions())) findings.push(finding);
  return findings;
}

/** Path below the root, and the code of a rejection or the text of a picture. */
function outline(root: string, findings: readonly Finding[]): string[] {
  return findings.map((finding) => {
    const name = finding.path.replace(`${root}/`, "");
    return finding.kind === "rejected" ? `${name} ${finding.error.code}` : `${name} ${finding.webText ?? "-"}`;
  });
}

test("finds files depth first and by name, whatever the file system's order", async () => {
  const root = folder({ "b.jpg": "", "a/2.png": "", "a/1.png": "", "c.gif": "", "a/deep/er.webp": "" });
  expect(outline(root, await scan(root))).toEqual(["a/1.png -", "a/2.png -", "a/deep/er.webp -", "b.jpg -", "c.gif -"]);
});

test("takes name.txt beside a picture for its text and passes hidden names over", async () => {
  const root = folder({
    "dog.jpg": "x",
    "dog.txt": "\uFEFFa dog\n on a beach \n",
    "cat.png": "x",
    "cat.png.txt": "a cat",
    "empty.png": "x",
    "empty.txt": " \n",
    "notes.txt": "no picture has this name",
    ".DS_Store": "x",
    ".git/config": "x",
  });
  expect(outline(root, await scan(root))).toEqual([
    "cat.png a cat",
    "dog.jpg a dog on a beach",
    "empty.png -",
    "notes.txt -",
  ]);
});

test("follows links to files inside the folder and reports those out of it, to folders and to nothing", async () => {
  const outside = folder({ "secret.jpg": "x" });
  const root = folder({ "a/one.jpg": "x" });
  symlinkSync(join(root, "a/one.jpg"), join(root, "inside.jpg"));
  symlinkSync(join(outside, "secret.jpg"), join(root, "outside.jpg"));
  symlinkSync(outside, join(root, "outside"));
  symlinkSync("..", join(root, "a/loop"));
  symlinkSync("nowhere.jpg", join(root, "broken.jpg"));
  symlinkSync("self.jpg", join(root, "self.jpg"));
  expect(outline(root, await scan(root))).toEqual([
    "a/loop LINK_TO_FOLDER",
    "a/one.jpg -",
    "broken.jpg FILE_NOT_FOUND",
    "inside.jpg -",
    "outside LINK_OUTSIDE",
    "outside.jpg LINK_OUTSIDE",
    "self.jpg LINK_TO_FOLDER",
  ]);
});

test("reports a named pipe instead of waiting for it", async () => {
  const root = folder({});
  execFileSync("mkfifo", [join(root, "pipe.jpg")]);
  expect(outline(root, await scan(root))).toEqual(["pipe.jpg NOT_A_FILE"]);
  await expect(readPicture(join(root, "pipe.jpg"), { maxBytes: 10 })).rejects.toMatchObject({ code: "NOT_A_FILE" });
});

test("refuses empty, missing and too large files with the size and the limit", async () => {
  const root = folder({ "empty.jpg": "", "large.jpg": "12345" });
  const read = (name: string) => readPicture(join(root, name), { maxBytes: 4 });
  await expect(read("empty.jpg")).rejects.toMatchObject({ code: "EMPTY_FILE" });
  await expect(read("missing.jpg")).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  await expect(read("large.jpg")).rejects.toThrow("has 5 bytes, the limit is 4");
});

test("reads a JSONL manifest with paths relative to it and goes on after bad lines", async () => {
  const root = folder({
    "list.jsonl": [
      '\uFEFF{"path":"images/a.jpg","text":" a  dog ","attributes":{"licence":"CC0"},"year":2001}',
      "",
      '{"path":"b.jpg","alt":"alternative"}',
      '{"path":',
      '{"text":"no path"}',
      "[1]",
      '{"url":"http://10.0.0.1/c.jpg","caption":"c"}',
      '{"path":7}',
      '{"path":"/absolute/d.jpg","caption":"d"}',
    ].join("\n"),
  });
  const findings = await scan(join(root, "list.jsonl"));
  expect(outline(root, findings)).toEqual([
    "images/a.jpg a dog",
    "b.jpg alternative",
    "list.jsonl:4 INVALID_ROW",
    "list.jsonl:5 INVALID_ROW",
    "list.jsonl:6 INVALID_ROW",
    "http://10.0.0.1/c.jpg ADDRESS_REFUSED",
    "list.jsonl:8 INVALID_ROW",
    "/absolute/d.jpg d",
  ]);
  expect(findings[0]).toMatchObject({
    file: join(root, "images/a.jpg"),
    attributes: { licence: "CC0", year: 2001 },
  });
});

test("reads a CSV manifest with quotes, extra columns and bad rows", async () => {
  const root = folder({
    "list.csv": [
      "path,caption,place,attributes",
      'a.jpg,"a dog, two cats","a ""quoted"" place",',
      "b.jpg,too,many,columns,here",
      'c.jpg,,,"{""stars"":5}"',
      "d.jpg,,,{broken",
      ",no path,,",
    ].join("\r\n"),
  });
  const findings = await scan(join(root, "list.csv"));
  expect(outline(root, findings)).toEqual([
    "a.jpg a dog, two cats",
    "list.csv:3 INVALID_ROW",
    "c.jpg -",
    "list.csv:5 INVALID_ROW",
    "list.csv:6 INVALID_ROW",
  ]);
  expect(findings[0]).toMatchObject({ attributes: { place: 'a "quoted" place' } });
  expect(findings[2]).toMatchObject({ attributes: { stars: 5 } });
});

test("says which sources it cannot read before anything is begun", async () => {
  const root = folder({ "list.csv": "file,text\na.jpg,a", "data.xlsx": "x" });
  await expect(scan(join(root, "nowhere"))).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
  await expect(scan(join(root, "data.xlsx"))).rejects.toMatchObject({ code: "SOURCE_UNSUPPORTED" });
  await expect(scan(join(root, "list.csv"))).rejects.toThrow(
    'names the columns "file", "text", expected one named "path" or "url"',
  );
});

test("says that a source holds nothing instead of ingesting nothing", async () => {
  const root = folder({ "only/.hidden": "x", "list.csv": "path,text\n", "list.jsonl": "\n\n" });
  for (const source of ["only", "list.csv", "list.jsonl"]) {
    await expect(scan(join(root, source)), source).rejects.toMatchObject({ code: "EMPTY_SOURCE" });
  }
});
