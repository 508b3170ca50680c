import { readFileSync } from "node:fs";

/** A tensor of a checkpoint: contiguous little-endian bytes. */
export interface Tensor {
  readonly dtype: "F32" | "I64";
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** Tensors of a file that torch.save wrote: an uncompressed zip with a pickle of the state dict under "model". */
export function readPth(file: string): Map<string, Tensor> {
  const entries = readZip(readFileSync(file));
  const [pickle] = [...entries].filter(([name]) => name.endsWith("/data.pkl")).map(([, bytes]) => bytes);
  if (!pickle) throw new Error(`"${file}" has no data.pkl`);
  const storages = new Map([...entries].map(([name, bytes]) => [name.replace(/^.*\/data\//, ""), bytes]));
  const root = unpickle(pickle, storages) as Map<string, Map<string, Tensor>>;
  const model = root.get("model");
  if (!model) throw new Error(`"${file}" has no "model"`);
  return model;
}

function readZip(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  const entries = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count -= 1) {
    const size = zip.readUInt32LE(at + 24);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    entries.set(name, zip.subarray(start, start + size));
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
  }
  return entries;
}

const MARK = Symbol("mark");

/** The operations that torch.save writes for a dictionary of tensors; it is the project's own fixture, so nothing is checked. */
function unpickle(pickle: Buffer, storages: ReadonlyMap<string, Buffer>): unknown {
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;
  const byte = () => pickle.readUInt8((at += 1) - 1);
  const int16 = () => pickle.readUInt16LE((at += 2) - 2);
  const int32 = () => pickle.readInt32LE((at += 4) - 4);
  const line = () => {
    const from = at;
    at = pickle.indexOf(10, at) + 1;
    return pickle.toString("utf8", from, at - 1);
  };
  const sinceMark = () => stack.splice(stack.lastIndexOf(MARK)).slice(1);
  const last = (count: number) => stack.splice(stack.length - count);
  const remember = (key: number) => memo.set(key, stack.at(-1));
  const operations: Record<string, () => void> = {
    "\x80": () => void byte(),
    "}": () => void stack.push(new Map()),
    ")": () => void stack.push([]),
    "(": () => void stack.push(MARK),
    "\x89": () => void stack.push(false),
    X: () => {
      const length = int32();
      stack.push(pickle.toString("utf8", at, (at += length)));
    },
    K: () => void stack.push(byte()),
    M: () => void stack.push(int16()),
    J: () => void stack.push(int32()),
    q: () => void remember(byte()),
    r: () => void remember(int32()),
    h: () => void stack.push(memo.get(byte())),
    j: () => void stack.push(memo.get(int32())),
    t: () => void stack.push(sinceMark()),
    "\x85": () => void stack.push(last(1)),
    "\x86": () => void stack.push(last(2)),
    "\x87": () => void stack.push(last(3)),
    c: () => void stack.push(`${line()}.${line()}`),
    Q: () => void 0,
    R: () => {
      const [name, parts] = last(2) as [string, unknown[]];
      stack.push(name === "torch._utils._rebuild_tensor_v2" ? rebuildTensor(parts, storages) : new Map());
    },
    s: () => {
      const [key, value] = last(2);
      (stack.at(-1) as Map<unknown, unknown>).set(key, value);
    },
    u: () => {
      const items = sinceMark();
      const map = stack.at(-1) as Map<unknown, unknown>;
      for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1]);
    },
  };
  for (;;) {
    const code = String.fromCharCode(byte());
    if (code === ".") return stack.pop();
    const operation = operations[code];
    if (!operation)
      throw new Error(`The pickle holds ${JSON.stringify(code)} at ${at - 1}, which this reader does not know`);
    operation();
  }
}

function rebuildTensor(parts: readonly unknown[], storages: ReadonlyMap<string, Buffer>): Tensor {
  const [[, storageType, key], offset, shape] = parts as [[string, string, string], number, number[]];
  const dtype = storageType === "torch.LongStorage" ? "I64" : "F32";
  const size = dtype === "I64" ? 8 : 4;
  const elements = shape.reduce((product, length) => product * length, 1);
  const storage = storages.get(key);
  if (!storage) throw new Error(`The checkpoint has no storage "${key}"`);
  return { dtype, shape, bytes: storage.subarray(offset * size, (offset + elements) * size) };
}
