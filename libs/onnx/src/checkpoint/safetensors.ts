import { type ElementType, elementCount, elementWidthBytes } from "../element-type.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import type { OpenedFile } from "./opened-file.ts";
import { quote } from "./quote.ts";
import { rowMajorStrides, type StoredTensor } from "./stored-tensor.ts";
import { isJsonObject, type JsonObject, parseStrictJson } from "./strict-json.ts";

/** What one file holds, whatever its format. */
export interface CheckpointFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

export const LENGTH_BYTES = 8;
// The format allows 100 MB. BLIP-L takes 90 kB, a language model with 100,000 tensors about 12 MB.
const MAX_HEADER_BYTES = 25_000_000;
// The limit of PyTorch itself.
const MAX_RANK = 64;

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

/** A tensor's place, counted from the first byte after the header. */
interface Extent {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads the header of a safetensors file: a little-endian uint64 length, that much JSON, then the tensors without gaps.
 * Follows https://github.com/huggingface/safetensors (format, "Notes"), and refuses what the reference refuses.
 */
export async function readSafetensors(file: OpenedFile): Promise<CheckpointFile> {
  const headerBytes = await readHeaderLength(file);
  const dataOffset = LENGTH_BYTES + headerBytes;
  const header = parseStrictJson(await file.read(LENGTH_BYTES, headerBytes), `The header of ${quote(file.path)}`);

  const { __metadata__: metadata = {}, ...entries } = header;
  const checkedMetadata = readMetadata(file, metadata);
  const tensors = new Map<string, StoredTensor>();
  const extents: Extent[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const { tensor, extent } = readEntry(file, name, entry, dataOffset);
    tensors.set(name, tensor);
    extents.push(extent);
  }
  checkTiling(file, extents, dataOffset);
  return { tensors, metadata: checkedMetadata };
}

async function readHeaderLength(file: OpenedFile): Promise<number> {
  const length = (await file.read(0, LENGTH_BYTES)).readBigUInt64LE();
  if (length > MAX_HEADER_BYTES) {
    throw new CheckpointError(
      "TOO_LARGE",
      `${quote(file.path)} announces a safetensors header of ${length} bytes, the limit is ${MAX_HEADER_BYTES}. ` +
        "Is this a safetensors file?",
    );
  }
  return Number(length);
}

function readEntry(file: OpenedFile, name: string, entry: unknown, dataOffset: number) {
  const malformed = (problem: string) =>
    new CheckpointError("MALFORMED", `Tensor ${quote(name)} in ${quote(file.path)} ${problem}`);
  if (!isJsonObject(entry)) throw malformed(`is described by ${quote(entry)}, expected an object`);
  const { dtype, shape, data_offsets: offsets, ...others } = entry;
  const [unexpected] = Object.keys(others);
  if (unexpected !== undefined) {
    throw malformed(`has the key ${quote(unexpected)}, expected only dtype, shape and data_offsets`);
  }
  if (typeof dtype !== "string") throw malformed(`has dtype ${quote(dtype)}, expected a string`);
  const elementType = Object.hasOwn(ELEMENT_TYPES, dtype) ? ELEMENT_TYPES[dtype] : undefined;
  if (elementType === undefined) {
    throw new CheckpointError(
      "UNSUPPORTED",
      `Tensor ${quote(name)} in ${quote(file.path)} has dtype ${quote(dtype)}, expected one of ${Object.keys(ELEMENT_TYPES).join(", ")}`,
    );
  }
  if (!isSizes(shape) || shape.length > MAX_RANK) {
    throw malformed(`has shape ${quote(shape)}, expected at most ${MAX_RANK} whole numbers`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw malformed(`has data_offsets ${quote(offsets)}, expected [begin, end]`);
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) throw malformed(`begins at byte ${begin}, after its end at ${end}`);
  const expectedBytes = elementCount(shape) * elementWidthBytes(elementType);
  if (end - begin !== expectedBytes) {
    throw malformed(`takes ${end - begin} bytes, expected ${expectedBytes} for ${dtype} ${quote(shape)}`);
  }
  const tensor: StoredTensor = {
    name,
    elementType,
    shape,
    strides: rowMajorStrides(shape),
    contiguous: true,
    file: file.path,
    offsetBytes: dataOffset + begin,
    lengthBytes: expectedBytes,
  };
  return { tensor, extent: { name, begin, end } };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** The tensors must cover the rest of the file, each byte once: nothing can hide between them or behind them. */
function checkTiling(file: OpenedFile, extents: Extent[], dataOffset: number): void {
  // By end as well: a tensor without elements sits in front of the one that begins at the same byte.
  const inOrder = extents.toSorted((left, right) => left.begin - right.begin || left.end - right.end);
  let covered = 0;
  let before: string | undefined;
  for (const { name, begin, end } of inOrder) {
    if (begin !== covered) {
      const neighbour = before === undefined ? "the header" : `tensor ${quote(before)}`;
      const problem = begin < covered ? "overlaps" : "leaves a hole after";
      throw new CheckpointError(
        "MALFORMED",
        `Tensor ${quote(name)} in ${quote(file.path)} begins at byte ${begin} of the data, expected ${covered}: ` +
          `it ${problem} ${neighbour}`,
      );
    }
    covered = end;
    before = name;
  }
  const expectedBytes = dataOffset + covered;
  if (file.sizeBytes < expectedBytes) {
    const missing = inOrder.find(({ end }) => dataOffset + end > file.sizeBytes);
    throw new CheckpointError(
      "TRUNCATED",
      `${quote(file.path)} has ${file.sizeBytes} bytes, expected ${expectedBytes}; it ends before the end of tensor ` +
        `${quote(missing?.name)}. Download or copy it again.`,
    );
  }
  if (file.sizeBytes > expectedBytes) {
    throw new CheckpointError(
      "MALFORMED",
      `${quote(file.path)} has ${file.sizeBytes} bytes, expected ${expectedBytes}: bytes follow the last tensor`,
    );
  }
}

function readMetadata(file: OpenedFile, metadata: unknown): Record<string, string> {
  if (!isJsonObject(metadata) || !isStrings(metadata)) {
    throw new CheckpointError("MALFORMED", `"__metadata__" in ${quote(file.path)} must map strings to strings`);
  }
  return metadata;
}

function isStrings(map: JsonObject): map is Record<string, string> {
  return Object.values(map).every((value) => typeof value === "string");
}
