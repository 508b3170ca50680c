import { afterAll, expect, it } from "vitest";
import type { ElementType } from "../element-type.ts";
import { TemporaryFolder } from "./fixture-files.ts";
import { readTensor, rowMajorStrides, type StoredTensor } from "./stored-tensor.ts";

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function stored(elementType: ElementType, bytes: Uint8Array, shape: number[], rest: Partial<StoredTensor> = {}) {
  const file = folder.write("tensor", bytes);
  const strides = rowMajorStrides(shape);
  const place = { contiguous: true, file, offsetBytes: 0, lengthBytes: bytes.length };
  return { name: "w", elementType, shape, strides, ...place, ...rest };
}

it("widens all 65,536 float16 patterns as the platform does", async () => {
  const patterns = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
  const view = new DataView(patterns.buffer) as DataView & { getFloat16(at: number, littleEndian: boolean): number };

  const numbers = await readTensor(stored("float16", new Uint8Array(patterns.buffer), [65_536]));

  expect([...numbers]).toEqual(Array.from(patterns, (_, index) => view.getFloat16(index * 2, true)));
});

it("widens all 65,536 bfloat16 patterns to the float32 with the same upper half", async () => {
  const patterns = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);

  const numbers = await readTensor(stored("bfloat16", new Uint8Array(patterns.buffer), [65_536]));

  const bits = new Uint32Array(numbers.buffer as ArrayBuffer);
  expect(bits.every((value, index) => value === index * 65_536)).toBe(true);
});

it("reads numbers from an offset that is no multiple of their size", async () => {
  const bytes = Buffer.alloc(11);
  bytes.writeDoubleLE(Math.PI, 3);

  expect([...(await readTensor(stored("float64", bytes, [1], { offsetBytes: 3, lengthBytes: 8 })))]).toEqual([Math.PI]);
});

it("gives the caller memory that no later read changes", async () => {
  const tensor = stored("uint8", Uint8Array.of(1, 2), [2]);
  const first = await readTensor(tensor);
  first[0] = 9;

  expect([...(await readTensor(tensor))]).toEqual([1, 2]);
});

it("says that a file has become shorter since it was opened", async () => {
  const tensor = stored("float32", new Uint8Array(8), [4], { lengthBytes: 16 });

  await expect(readTensor(tensor)).rejects.toMatchObject({ code: "TRUNCATED" });
});

it("refuses an expanded tensor that would fill the memory", async () => {
  const tensor = stored("uint8", new Uint8Array(1), [2 ** 20, 2 ** 20], { strides: [0, 0], contiguous: false });

  await expect(readTensor(tensor)).rejects.toMatchObject({ code: "TOO_LARGE" });
});
