/** For the tests of this folder: the files of libs/onnx/fixtures, and archives and headers made on the spot. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { expect } from "vitest";
import type { CheckpointErrorCode } from "./checkpoint-error.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { type Checkpoint, openCheckpoint } from "./open-checkpoint.ts";
import { readTensor } from "./stored-tensor.ts";

export interface ExpectedTensor {
  readonly elementType: string;
  readonly shape: readonly number[];
  readonly contiguous: boolean;
  /** Numbers as JavaScript literals; int64 does not fit a JSON number. */
  readonly elements: readonly string[];
}

interface ExpectedFile {
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly sets: Readonly<Record<string, Readonly<Record<string, ExpectedTensor>>>>;
}

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}

export function readFixture(name: string): Buffer {
  return readFileSync(fixturePath(name));
}

/** What PyTorch itself read back, for every file that must open. */
export function expectedFiles(): { file: string; tensors: Readonly<Record<string, ExpectedTensor>> }[] {
  const { files, sets }: ExpectedFile = JSON.parse(readFixture("expected.json").toString());
  return Object.entries(files).map(([file, names]) => ({
    file,
    tensors: Object.assign({}, ...names.map((name) => sets[name])),
  }));
}

/** Every tensor as expected.json describes it. */
export async function readAll(checkpoint: Checkpoint): Promise<Record<string, ExpectedTensor>> {
  const described: Record<string, ExpectedTensor> = {};
  for (const [name, tensor] of checkpoint.tensors) {
    const { elementType, shape, contiguous } = tensor;
    const numbers: Iterable<number | bigint> = await readTensor(tensor);
    const elements = Array.from(numbers, (element) => (Object.is(element, -0) ? "-0" : `${element}`));
    described[name] = { elementType, shape, contiguous, elements };
  }
  return described;
}

/** Python prints 1e+300 where JavaScript prints 1e300; both name the same number. */
export function inJavaScriptNotation(
  tensors: Readonly<Record<string, ExpectedTensor>>,
): Record<string, ExpectedTensor> {
  const notate = (tensor: ExpectedTensor) => (text: string) => {
    const value = tensor.elementType === "int64" ? BigInt(text) : Number(text);
    return Object.is(value, -0) ? "-0" : `${value}`;
  };
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { ...tensor, elements: tensor.elements.map(notate(tensor)) },
    ]),
  );
}

export async function expectRefusal(path: string, code: CheckpointErrorCode, ...parts: string[]): Promise<void> {
  const error = await openCheckpoint(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  if (!(error instanceof CheckpointError)) return;
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  for (const part of parts) expect(error.message).toContain(part);
}

/** A folder for one test file. */
export class TemporaryFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "medley-checkpoint-"));

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function safetensors(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

export interface ZipMember {
  readonly name: string;
  readonly bytes: Buffer;
  readonly method?: number;
  readonly flags?: number;
}

/** A ZIP archive without data descriptors, as zipfile of Python writes it. */
export function zipArchive(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, method = 0, flags = 0 } of members) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc32(bytes), 16);
    central.writeUInt32LE(bytes.length, 20);
    central.writeUInt32LE(bytes.length, 24);
    central.writeUInt16LE(Buffer.byteLength(name), 28);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    parts.push(local, Buffer.from(name), bytes);
    offset += 30 + Buffer.byteLength(name) + bytes.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}
