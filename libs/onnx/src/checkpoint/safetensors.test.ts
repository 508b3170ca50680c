import { afterAll, expect, it } from "vitest";
import { expectRefusal, readFixture, safetensors, TemporaryFolder } from "./fixture-files.ts";
import { openCheckpoint } from "./open-checkpoint.ts";

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const write = (header: unknown, dataBytes: number) => folder.write("model.safetensors", safetensors(header, dataBytes));
const tensor = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

it("accepts tensors in any order, spaces after the header and tensors without elements", async () => {
  const header = JSON.stringify({ b: tensor(8, 16), none: tensor(8, 8, [0, 5]), a: tensor(0, 8), end: tensor(16, 16) });

  const { tensors } = await openCheckpoint(write(`${header}      `, 16));

  expect([...tensors.keys()]).toEqual(["b", "none", "a", "end"]);
});

it("accepts a file without tensors", async () => {
  expect((await openCheckpoint(write({ __metadata__: { a: "b" } }, 0))).tensors.size).toBe(0);
});

it("keeps names that mean something to JavaScript as plain names", async () => {
  const { tensors, metadata } = await openCheckpoint(
    write('{"__metadata__":{"__proto__":"x"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
  );

  expect([...tensors.keys()]).toEqual(["__proto__"]);
  expect(Object.keys(metadata)).toEqual(["__proto__"]);
});

it.each([
  ["no JSON", "{]", "not valid JSON"],
  ["JSON of another kind", "[1]      ", "expected a JSON object"],
  ["a byte order mark", "\ufeff{}", "not valid JSON"],
  ["a tensor twice", '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":1}', '"a" twice'],
  ["a tensor twice in another spelling", '{"a":1,"\\u0061":1}', '"a" twice'],
  ["a dtype twice", '{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', '"dtype" twice'],
  ["a tensor that is a number", { a: 1 }, "is described by 1"],
  ["an unknown key", { a: { ...tensor(0, 4), strides: [1] } }, '"strides"'],
  ["a dtype that is no string", { a: { ...tensor(0, 4), dtype: 1 } }, "dtype 1"],
  ["no shape", { a: { dtype: "F32", data_offsets: [0, 4] } }, "shape undefined"],
  ["a negative size", { a: tensor(0, 4, [-1]) }, "[-1]"],
  ["half a size", { a: tensor(0, 4, [1.5]) }, "[1.5]"],
  ["a size beyond exact numbers", { a: tensor(0, 4, [2 ** 60]) }, "[1152921504606847000]"],
  ["sizes whose product is beyond exact numbers", { a: tensor(0, 4, [2 ** 50, 2 ** 50]) }, "takes 4 bytes"],
  ["a hundred dimensions", { a: tensor(0, 4, new Array(100).fill(1)) }, "an array of 100 items"],
  ["one offset", { a: { ...tensor(0, 4), data_offsets: [0] } }, "data_offsets [0]"],
  ["an end before its begin", { a: tensor(4, 0, [1]) }, "begins at byte 4, after its end"],
  ["too few bytes for its shape", { a: tensor(0, 4, [2]) }, "takes 4 bytes, expected 8"],
  ["a hole in front", { a: tensor(4, 8) }, "leaves a hole after the header"],
  ["a hole between", { a: tensor(0, 4), b: tensor(8, 12) }, 'leaves a hole after tensor "a"'],
  ["an overlap", { a: tensor(0, 8), b: tensor(4, 12) }, 'overlaps tensor "a"'],
  ["one place twice", { a: tensor(0, 4), b: tensor(0, 4) }, 'overlaps tensor "a"'],
  ["bytes behind the last tensor", { a: tensor(0, 4) }, "bytes follow the last tensor"],
  ["metadata that is a list", { __metadata__: [] }, "__metadata__"],
  ["metadata with a number", { __metadata__: { a: 1 } }, "__metadata__"],
])("refuses a header with %s", async (_, header, part) => {
  await expectRefusal(write(header, 12), "MALFORMED", part);
});

it("refuses a header that is not UTF-8", async () => {
  const bytes = Buffer.from('\x08\0\0\0\0\0\0\0{"\xff":1} ', "latin1");

  await expectRefusal(folder.write("model.safetensors", bytes), "MALFORMED", "not valid JSON");
});

it("names an element type that it does not read", async () => {
  const header = { a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } };

  await expectRefusal(write(header, 4), "UNSUPPORTED", '"a"', '"F8_E4M3"', "BF16");
});

it("says how many bytes a truncated file has and how many it should have", async () => {
  const whole = readFixture("plain.safetensors");

  const path = folder.write("cut.safetensors", whole.subarray(0, whole.length - 3));

  await expectRefusal(path, "TRUNCATED", `has ${whole.length - 3} bytes, expected ${whole.length}`, "tensor");
});

it("refuses a file that ends inside its header", async () => {
  const path = folder.write("cut.safetensors", readFixture("plain.safetensors").subarray(0, 100));

  await expectRefusal(path, "TRUNCATED", "has 100 bytes");
});

it.each([25_000_001n, 2n ** 40n, 2n ** 64n - 1n])("refuses a header of %s bytes before reading it", async (length) => {
  const bytes = safetensors({}, 100);
  bytes.writeBigUInt64LE(length);

  await expectRefusal(folder.write("model.safetensors", bytes), "TOO_LARGE", `${length}`, "25000000");
});

it("keeps its message short whatever the header holds", async () => {
  const deep = `{"a":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`;
  const long = `{"${"n".repeat(1_000_000)}":1}`;

  for (const header of [deep, long, `{"a":{"shape":${"[".repeat(9_000)}${"]".repeat(9_000)}}}`]) {
    const error = await openCheckpoint(write(header, 0)).catch((reason: Error) => reason);
    expect(error).toMatchObject({ name: "CheckpointError", code: "MALFORMED" });
    expect((error as Error).message.length).toBeLessThan(1_000);
  }
});
