import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import { png } from "../testing/pictures.ts";
import { sourceOptions } from "../testing/source-options.ts";
import type { Finding } from "./finding.ts";
import { readParquet } from "./read-parquet.ts";
import { openSource } from "./scan-source.ts";

const folder = mkdtempSync(join(tmpdir(), "medley-parquet-"));

type Written = Parameters<typeof parquetWriteBuffer>[0];

function write(name: string, options: Written): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(parquetWriteBuffer(options)));
  return path;
}

async function scan(path: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of await openSource(path, sourceOptions())) findings.push(finding);
  return findings;
}

/** As Hugging Face's data sets hold pictures: a structure of bytes and path. */
function imagesColumn(pictures: readonly { bytes: Uint8Array | null; path: string | null }[]): Written {
  return {
    schema: [
      { name: "root", num_children: 2 },
      { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
      { name: "bytes", repetition_type: "OPTIONAL", type: "BYTE_ARRAY" },
      { name: "path", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
      { name: "text", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
    ],
    columnData: [
      { name: "image", data: [...pictures] },
      { name: "text", data: pictures.map((_, index) => `picture  ${index}`) },
    ],
  };
}

test("reads paths, texts and attributes across row groups, in the order of the rows", async () => {
  const numbers = Array.from({ length: 25 }, (_, index) => index);
  const path = write("paths.parquet", {
    columnData: [
      { name: "path", data: numbers.map((number) => `images/${number}.jpg`), type: "STRING" },
      { name: "caption", data: numbers.map((number) => (number === 1 ? null : ` a  dog ${number}`)), type: "STRING" },
      { name: "likes", data: numbers.map((number) => BigInt(number) * 1_000_000_000_000_000n), type: "INT64" },
      { name: "taken", data: numbers.map(() => new Date("2020-02-02T00:00:00Z")), type: "TIMESTAMP" },
      { name: "thumb", data: numbers.map(() => Uint8Array.of(255, 254)), type: "BYTE_ARRAY" },
    ],
    rowGroupSize: 10,
  });
  const findings = await scan(path);
  expect(findings.map((finding) => finding.path)).toEqual(numbers.map((number) => `images/${number}.jpg`));
  expect(findings[0]).toEqual({
    kind: "file",
    path: "images/0.jpg",
    file: join(folder, "images/0.jpg"),
    webText: "a dog 0",
    attributes: { likes: 0, taken: "2020-02-02T00:00:00.000Z" },
    attributesFrom: `Row 1 of "${path}"`,
  });
  expect(findings[1]).not.toHaveProperty("webText");
  expect(findings[24]).toMatchObject({ webText: "a dog 24", attributes: { likes: "24000000000000000" } });
});

test("takes URL and TEXT in any case, as img2dataset and LAION write them", async () => {
  const path = write("laion.parquet", {
    columnData: [
      { name: "URL", data: ["http://10.0.0.1/1.jpg", "ftp://example.org/2.jpg", null], type: "STRING" },
      { name: "TEXT", data: ["one", "two", "three"], type: "STRING" },
      { name: "WIDTH", data: [640, 320, 10], type: "INT32" },
    ],
  });
  expect(await scan(path)).toMatchObject([
    { kind: "rejected", path: "http://10.0.0.1/1.jpg", error: { code: "ADDRESS_REFUSED" } },
    { kind: "rejected", path: "ftp://example.org/2.jpg", error: { code: "SCHEME_REFUSED" } },
    { kind: "rejected", path: `${path}:3`, error: { code: "INVALID_ROW" } },
  ]);
});

test("takes the pictures that a data set of Hugging Face holds, byte for byte", async () => {
  const path = write(
    "embedded.parquet",
    imagesColumn([
      { bytes: png(1), path: "../../a/1.png" },
      { bytes: png(2), path: null },
      { bytes: null, path: "beside.png" },
      { bytes: null, path: null },
      { bytes: Buffer.alloc(1_000_001), path: "large.png" },
    ]),
  );
  const findings = await scan(path);
  expect(findings).toMatchObject([
    { kind: "file", path: `${path}:1/1.png`, file: `${path}:1/1.png`, bytes: png(1), webText: "picture 0" },
    { kind: "file", path: `${path}:2`, bytes: png(2) },
    { kind: "file", path: "beside.png", file: join(folder, "beside.png") },
    { kind: "rejected", path: `${path}:4`, error: { code: "INVALID_ROW" } },
    { kind: "rejected", path: `${path}:5`, error: { code: "FILE_TOO_LARGE" } },
  ]);
});

test("takes a column of bytes for the pictures, and keeps a URL beside them as where they were once", async () => {
  const path = write("bytes.parquet", {
    columnData: [
      { name: "Image", data: [png(3)], type: "BYTE_ARRAY" },
      { name: "url", data: ["https://example.org/3.png"], type: "STRING" },
    ],
  });
  expect(await scan(path)).toMatchObject([
    { kind: "file", bytes: png(3), attributes: { url: "https://example.org/3.png" } },
  ]);
});

test("takes the first of several captions and keeps them all", async () => {
  const path = write("captions.parquet", {
    columnData: [
      { name: "path", data: ["1.jpg"], type: "STRING" },
      { name: "caption", data: [["a dog", "a brown dog"]], type: "JSON" },
    ],
  });
  expect(await scan(path)).toMatchObject([{ webText: "a dog", attributes: { captions: ["a dog", "a brown dog"] } }]);
});

test("reads what is compressed with zstd", async () => {
  const path = write("zstd.parquet", {
    columnData: [{ name: "path", data: Array.from({ length: 100 }, () => "same.jpg"), type: "STRING" }],
    codec: "ZSTD",
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
  });
  expect((await scan(path)).map((finding) => finding.path)).toEqual(Array.from({ length: 100 }, () => "same.jpg"));
});

test("says in one error that a file is no Parquet or ends too early", async () => {
  const whole = readFileSync(write("whole.parquet", { columnData: [{ name: "path", data: ["1.jpg"] }] }));
  const broken = { "text.parquet": Buffer.from("no parquet ".repeat(20)), "cut.parquet": whole.subarray(0, -20) };
  for (const [name, bytes] of Object.entries(broken)) {
    writeFileSync(join(folder, name), bytes);
    await expect(scan(join(folder, name))).rejects.toMatchObject({
      code: "INVALID_MANIFEST",
      message: expect.stringMatching(/is no whole Parquet file: .*\. Is it complete\?$/),
    });
  }
  writeFileSync(join(folder, "empty.parquet"), "");
  await expect(scan(join(folder, "empty.parquet"))).rejects.toMatchObject({ code: "INVALID_MANIFEST" });
});

test("reports a damaged row group once and reads the others", async () => {
  const path = write("damaged.parquet", {
    columnData: [{ name: "path", data: ["1.jpg", "2.jpg", "3.jpg", "4.jpg"], type: "STRING" }],
    rowGroupSize: 2,
    codec: "UNCOMPRESSED",
    statistics: false,
  });
  const bytes = readFileSync(path);
  // The length in front of the first string of the second group.
  bytes.writeUInt32LE(0xffffff, bytes.indexOf("3.jpg") - 4);
  writeFileSync(path, bytes);
  const findings = await scan(path);
  expect(findings.slice(0, 2).map((finding) => finding.path)).toEqual(["1.jpg", "2.jpg"]);
  expect(findings.slice(2)).toMatchObject([
    {
      kind: "rejected",
      error: { code: "INVALID_MANIFEST", message: expect.stringContaining("from row 3 to 4 cannot be read") },
    },
  ]);
});

test("reports a row group that is too large to be held, and reads the others", async () => {
  const path = write("large.parquet", {
    columnData: [{ name: "path", data: ["1.jpg", "2.jpg", `${"x".repeat(5000)}.jpg`, "4.jpg"], type: "STRING" }],
    rowGroupSize: 2,
    codec: "UNCOMPRESSED",
  });
  const findings: object[] = [];
  for await (const finding of readParquet(path, { maxBytes: 1000, maxRowGroupBytes: 1000 })) findings.push(finding);
  expect(findings).toMatchObject([
    { path: "1.jpg" },
    { path: "2.jpg" },
    { kind: "rejected", error: { message: expect.stringContaining("the limit is 1000. Write the file again") } },
  ]);
});

test("names the columns of a file that names no pictures, and tells one without rows", async () => {
  const other = write("other.parquet", { columnData: [{ name: "file", data: ["1.jpg"], type: "STRING" }] });
  await expect(scan(other)).rejects.toThrow('has the columns "file", expected one named "path", "url" or "image"');
  const none = write("none.parquet", { columnData: [{ name: "path", data: [], type: "STRING" }] });
  await expect(scan(none)).rejects.toMatchObject({ code: "EMPTY_SOURCE" });
});
