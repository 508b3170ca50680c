import { createWriteStream, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { expect, test } from "vitest";
import { ZipFile } from "yazl";
import { sourceOptions } from "../testing/source-options.ts";
import type { Finding } from "./finding.ts";
import { openSource } from "./scan-source.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-archives-"));
const OPTIONS = sourceOptions({ maxBytes: 1000 });

type Content = string | Buffer;

async function tar(
  name: string,
  members: readonly (readonly [string | (Partial<Header> & { name: string }), Content?])[],
): Promise<string> {
  const path = join(folder, name);
  const archive = pack();
  for (const [header, content] of members) {
    archive.entry(typeof header === "string" ? { name: header } : header, content ?? "");
  }
  archive.finalize();
  await pipeline(archive, createWriteStream(path));
  return path;
}

async function zip(
  name: string,
  members: Readonly<Record<string, Content>>,
  options: { mode?: number } = {},
): Promise<string> {
  const path = join(folder, name);
  const archive = new ZipFile();
  for (const [member, content] of Object.entries(members)) archive.addBuffer(Buffer.from(content), member, options);
  archive.end();
  await pipeline(archive.outputStream, createWriteStream(path));
  return path;
}

async function scan(path: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of await openSource(path, OPTIONS)) findings.push(finding);
  return findings;
}

/** Member, and the code of a rejection or content, text and attributes of a picture. */
function outline(path: string, findings: readonly Finding[]): string[] {
  return findings.map((finding) => {
    const member = finding.path.replace(`${path}/`, "");
    if (finding.kind === "rejected") return `${member} ${finding.error.code}`;
    return `${member} ${finding.bytes} ${finding.webText ?? "-"} ${JSON.stringify(finding.attributes)}`;
  });
}

test("reads a WebDataset shard in its order: samples with their texts and attributes", async () => {
  const path = await tar("shard.tar", [
    ["b/001.jpg", "one"],
    ["b/001.txt", "\uFEFFa dog\n on a beach "],
    ["b/001.json", '{"caption":"not this","licence":"CC0","width":3}'],
    ["a/002.json", '{"caption":"a  cat","url":"http://x/2.png"}'],
    ["a/002.png", "two"],
    ["a/003.left.webp", "left"],
    ["a/003.right.webp", "right"],
    ["a/003.left.txt", "seen from the left"],
    ["a/003.txt", "a chair"],
    ["a/004.cls", "7"],
    ["a/005.GIF", "five"],
  ]);
  expect(outline(path, await scan(path))).toEqual([
    'b/001.jpg one a dog on a beach {"licence":"CC0","width":3}',
    'a/002.png two a cat {"url":"http://x/2.png"}',
    "a/003.left.webp left seen from the left {}",
    "a/003.right.webp right a chair {}",
    "a/004.cls NO_PICTURE",
    "a/005.GIF five - {}",
  ]);
});

test("stores where a picture is from as the archive's path and the member's", async () => {
  const [finding] = await scan(await tar("origin.tar", [["./pictures/1.jpg", "x"]]));
  expect(finding?.file).toBe(join(folder, "origin.tar/pictures/1.jpg"));
});

test("tells by the content whether a tar is compressed, whatever its name", async () => {
  const plain = readFileSync(await tar("plain.tar", [["1.jpg", "one"]]));
  const files = { "a.tar.gz": gzipSync(plain), "a.tgz": gzipSync(plain), "a.tar": gzipSync(plain), "b.tar.gz": plain };
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(join(folder, name), bytes);
    expect(outline(join(folder, name), await scan(join(folder, name)))).toEqual(["1.jpg one - {}"]);
  }
});

test("reports names and links that lead out of a tar, hidden files not at all, and reads the rest", async () => {
  const path = await tar("hostile.tar", [
    ["../../etc/cron.d/1.jpg", "x"],
    ["/etc/passwd.jpg", "x"],
    ["C:\\windows\\1.jpg", "x"],
    [{ name: "link.jpg", type: "symlink", linkname: "/etc/passwd" }],
    [{ name: "hard.jpg", type: "link", linkname: "../secret" }],
    [{ name: "pipe.jpg", type: "fifo" }],
    [{ name: "folder", type: "directory" }],
    ["__MACOSX/._1.jpg", "x"],
    [".DS_Store", "x"],
    ["good.jpg", "good"],
  ]);
  const findings = await scan(path);
  expect(findings.map((finding) => (finding.kind === "rejected" ? finding.error.code : finding.path))).toEqual([
    "UNSAFE_NAME",
    "UNSAFE_NAME",
    "UNSAFE_NAME",
    "NOT_A_FILE",
    "NOT_A_FILE",
    "NOT_A_FILE",
    `${path}/good.jpg`,
  ]);
  for (const { file } of findings) expect(file.startsWith(`${path}/`), file).toBe(true);
});

test("passes a member over that is larger than a picture may be, without holding it", async () => {
  const path = await tar("large.tar", [
    ["1.jpg", Buffer.alloc(5000)],
    ["1.txt", "a large picture"],
    ["2.jpg", "small"],
  ]);
  expect(outline(path, await scan(path))).toEqual(["1.jpg FILE_TOO_LARGE", "2.jpg small - {}"]);
});

test("takes a picture whose JSON is broken, and reports the JSON", async () => {
  const members = { "1.jpg": "one", "1.json": "{", "1.txt": "a text", "2.jpg": "two", "2.json": "[1]" };
  const expected = ["1.json INVALID_ROW", "1.jpg one a text {}", "2.json INVALID_ROW", "2.jpg two - {}"];
  const asTar = await tar("json.tar", Object.entries(members));
  const asZip = await zip("json.zip", members);
  expect(outline(asTar, await scan(asTar))).toEqual(expected);
  expect(outline(asZip, await scan(asZip))).toEqual(expected);
});

test.each([
  { what: "cut in the middle of a member", cut: 1500 },
  { what: "cut in the middle of a header", cut: 1200 },
])("reads what lies before the break of a tar that is $what", async ({ cut }) => {
  const whole = await tar("whole.tar", [
    ["1.jpg", "one"],
    ["2.jpg", Buffer.alloc(900, "2")],
  ]);
  const path = join(folder, `cut-${cut}.tar`);
  writeFileSync(path, readFileSync(whole).subarray(0, cut));
  const findings = outline(path, await scan(path));
  expect(findings.slice(0, 1)).toEqual(["1.jpg one - {}"]);
  expect(findings.at(-1)).toBe(`${path} INVALID_ARCHIVE`);
});

test("says that a file is no archive whatever its name", async () => {
  const text = "this is a text, longer than nothing".repeat(40);
  const files = { "text.tar": text, "text.tar.gz": text, "text.zip": text, "packed.tar": gzipSync(text), "0.zip": "" };
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(join(folder, name), bytes);
    await expect(scan(join(folder, name)), name).rejects.toMatchObject({
      code: "INVALID_ARCHIVE",
      message: expect.stringContaining("cannot be read as an archive"),
    });
  }
});

test("says that an archive is empty", async () => {
  writeFileSync(join(folder, "0.tar"), "");
  for (const path of [join(folder, "0.tar"), await tar("nothing.tar", []), await zip("nothing.zip", {})]) {
    await expect(scan(path), path).rejects.toMatchObject({ code: "EMPTY_SOURCE" });
  }
});

test("reads a ZIP by name, whatever the order inside, with texts and attributes beside the pictures", async () => {
  const path = await zip("photos.zip", {
    "trip/b.txt": "a beach",
    "trip/b.jpg": "b",
    "a.jpg": "a",
    "trip/b.json": '{"author":"Ann"}',
    "notes.txt": "no picture has this name",
    "__MACOSX/trip/._b.jpg": "x",
    "trip/.hidden.jpg": "x",
  });
  expect(outline(path, await scan(path))).toEqual([
    "a.jpg a - {}",
    "notes.txt NO_PICTURE",
    'trip/b.jpg b a beach {"author":"Ann"}',
  ]);
});

test("reports what is too large, linked, damaged or led out of a ZIP, and reads the rest", async () => {
  const large = await zip("large.zip", { "1.jpg": Buffer.alloc(5000), "2.jpg": "small" });
  expect(outline(large, await scan(large))).toEqual(["1.jpg FILE_TOO_LARGE", "2.jpg small - {}"]);
  const linked = await zip("linked.zip", { "1.jpg": "/etc/passwd" }, { mode: 0o120_777 });
  expect(outline(linked, await scan(linked))).toEqual(["1.jpg NOT_A_FILE"]);

  const whole = readFileSync(await zip("whole.zip", { "1.jpg": "first picture", "xx/2.jpg": "second picture" }));
  const damaged = Buffer.from(
    whole.toString("latin1").replace("xx/2.jpg", "../2.jpg").replace("xx/2.jpg", "../2.jpg"),
    "latin1",
  );
  writeFileSync(join(folder, "out.zip"), damaged);
  expect(
    (await scan(join(folder, "out.zip"))).map((finding) => (finding.kind === "rejected" ? finding.error.code : "read")),
  ).toEqual(["UNSAFE_NAME", "read"]);
  const stored = whole.indexOf(Buffer.from("504b0304", "hex")) + 30 + "1.jpg".length;
  whole[stored + 3] = (whole[stored + 3] ?? 0) ^ 0xff;
  writeFileSync(join(folder, "flipped.zip"), whole);
  const [flipped, other] = outline(join(folder, "flipped.zip"), await scan(join(folder, "flipped.zip")));
  expect(flipped).toBe("1.jpg UNREADABLE");
  expect(other).toBe("xx/2.jpg second picture - {}");
});

test("does not believe the size that a ZIP bomb claims for itself", async () => {
  const path = await zip("bomb.zip", { "1.jpg": Buffer.alloc(100_000) });
  const bytes = readFileSync(path);
  // The uncompressed size stands in the local header (at 22) and in the central directory (24 behind its signature).
  const central = bytes.indexOf(Buffer.from("504b0102", "hex"));
  for (const at of [22, central + 24]) bytes.writeUInt32LE(500, at);
  writeFileSync(path, bytes);
  expect(outline(path, await scan(path))).toEqual(["1.jpg UNREADABLE"]);
});
