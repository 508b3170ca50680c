import { crc32 } from "node:zlib";
import { elementWidthBytes } from "../element-type.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import type { OpenedFile } from "./opened-file.ts";
import { hasKind, type PickleDict, type PickleValue, type TensorReference } from "./pickle-values.ts";
import { quote } from "./quote.ts";
import type { CheckpointFile } from "./safetensors.ts";
import { isContiguous, type StoredTensor } from "./stored-tensor.ts";
import { unpickle } from "./unpickle.ts";
import { locateStoredBytes, readZipDirectory, type ZipEntry } from "./zip.ts";

// A BLIP-L training checkpoint with its optimiser takes about 1 MB of pickle.
const MAX_PICKLE_BYTES = 64_000_000;
const MAX_BYTE_ORDER_BYTES = 16;
/** Under which key training scripts keep the weights beside the optimiser's state. The first that is there counts. */
const WEIGHT_KEYS = ["model", "state_dict"];

interface Archive {
  readonly file: OpenedFile;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** torch.save puts everything into one folder; its name means nothing. */
  readonly folder: string;
  /** Where each storage's bytes begin, by key: found once, as several tensors may share a storage. */
  readonly storageOffsets: Map<string, number>;
}

/** Reads the directory and the pickle of a torch.save archive (PyTorch 1.6 and newer). */
export async function readTorchArchive(file: OpenedFile): Promise<CheckpointFile> {
  const entries = await readZipDirectory(file);
  const archive: Archive = { file, entries, folder: findFolder(file, entries), storageOffsets: new Map() };
  await checkByteOrder(archive);
  const root = unpickleRoot(file, await readPickle(archive));
  if (!hasKind(root, "dict")) {
    throw new CheckpointError(
      "UNSUPPORTED",
      `${quote(file.path)} holds a single value, expected a dictionary of tensors. Save model.state_dict().`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of weightsOf(root).entries) {
    if (typeof name === "string" && hasKind(value, "tensor")) {
      tensors.set(name, await placeTensor(archive, name, value));
    }
  }
  if (tensors.size === 0) {
    const keys = [...root.entries.keys()].filter((key) => typeof key === "string");
    throw new CheckpointError(
      "UNSUPPORTED",
      `${quote(file.path)} has no tensors at its top, nor under ${WEIGHT_KEYS.map(quote).join(" or ")}; its keys are ` +
        `${quote(keys)}. Save model.state_dict().`,
    );
  }
  return { tensors, metadata: scalarsOf(root) };
}

function findFolder(file: OpenedFile, entries: ReadonlyMap<string, ZipEntry>): string {
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle, another] = pickles;
  if (pickle === undefined || another !== undefined) {
    throw new CheckpointError(
      "MALFORMED",
      `${quote(file.path)} is a ZIP archive with ${pickles.length} data.pkl one folder deep, expected 1. ` +
        "Is it a file of torch.save?",
    );
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new CheckpointError(
      "UNSUPPORTED",
      `${quote(file.path)} is a TorchScript program. Load it with torch.jit.load and save its state_dict().`,
    );
  }
  return folder;
}

async function checkByteOrder({ file, entries, folder }: Archive): Promise<void> {
  const entry = entries.get(`${folder}byteorder`);
  if (entry === undefined) return; // before PyTorch 2.1, which wrote little-endian
  const order = (await readMember(file, entry, MAX_BYTE_ORDER_BYTES)).toString("latin1");
  if (order !== "little") {
    throw new CheckpointError(
      order === "big" ? "UNSUPPORTED" : "MALFORMED",
      `${quote(file.path)} has byteorder ${quote(order)}, expected "little". Save it again on a little-endian machine.`,
    );
  }
}

async function readPickle({ file, entries, folder }: Archive): Promise<Buffer> {
  const name = `${folder}data.pkl`;
  const entry = entries.get(name);
  if (entry === undefined) throw new Error(`Bug: ${name} was listed before`);
  return readMember(file, entry, MAX_PICKLE_BYTES);
}

/** A small member, checked against its sum. */
async function readMember(file: OpenedFile, entry: ZipEntry, maxBytes: number): Promise<Buffer> {
  if (entry.sizeBytes > maxBytes) {
    throw new CheckpointError(
      "TOO_LARGE",
      `Member ${quote(entry.name)} of ${quote(file.path)} has ${entry.sizeBytes} bytes, the limit is ${maxBytes}`,
    );
  }
  const bytes = await file.read(await locateStoredBytes(file, entry), entry.sizeBytes);
  if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32) {
    throw new CheckpointError(
      "MALFORMED",
      `Member ${quote(entry.name)} of ${quote(file.path)} differs from its check sum. Download or copy it again.`,
    );
  }
  return bytes;
}

function unpickleRoot(file: OpenedFile, pickle: Buffer): PickleValue {
  try {
    return unpickle(pickle);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, `${quote(file.path)} is refused. ${error.message}`, { cause: error });
  }
}

function weightsOf(root: PickleDict): PickleDict {
  for (const key of WEIGHT_KEYS) {
    const weights = root.entries.get(key);
    if (hasKind(weights, "dict")) return weights;
  }
  return root;
}

async function placeTensor(archive: Archive, name: string, tensor: TensorReference): Promise<StoredTensor> {
  const { file } = archive;
  const { element, shape, strides, storage, storageOffset } = tensor;
  const { elementType } = element;
  if (elementType === undefined || tensor.lazilyChanged) {
    const problem =
      elementType === undefined ? `has element type ${element.name}` : "is kept lazily negated or conjugated";
    throw new CheckpointError(
      "UNSUPPORTED",
      `Tensor ${quote(name)} in ${quote(file.path)} ${problem}. Save it as float32.`,
    );
  }
  const elementBytes = elementWidthBytes(elementType);
  const storageBytes = storage.elementCount * (storage.element === undefined ? 1 : elementBytes);
  const storageStart = await locateStorage(archive, name, storage.key, storageBytes);
  const spanElements = shape.includes(0) ? 0 : 1 + lastElement(shape, strides);
  const endBytes = (storageOffset + spanElements) * elementBytes;
  if (endBytes > storageBytes) {
    throw new CheckpointError(
      "MALFORMED",
      `Tensor ${quote(name)} in ${quote(file.path)} with shape ${quote(shape)} and strides ${quote(strides)} ends at byte ` +
        `${endBytes} of its storage, which has ${storageBytes}`,
    );
  }
  return {
    name,
    elementType,
    shape,
    strides,
    contiguous: isContiguous(shape, strides),
    file: file.path,
    offsetBytes: storageStart + storageOffset * elementBytes,
    lengthBytes: spanElements * elementBytes,
  };
}

function lastElement(shape: readonly number[], strides: readonly number[]): number {
  return shape.reduce((last, size, axis) => last + (size - 1) * (strides[axis] ?? 0), 0);
}

async function locateStorage(archive: Archive, tensor: string, key: string, expectedBytes: number): Promise<number> {
  const { file, entries, folder, storageOffsets } = archive;
  const entry = entries.get(`${folder}data/${key}`);
  if (entry?.sizeBytes !== expectedBytes) {
    throw new CheckpointError(
      "MALFORMED",
      `Tensor ${quote(tensor)} in ${quote(file.path)} needs storage ${quote(key)} of ${expectedBytes} bytes, ` +
        `the archive has ${entry === undefined ? "none" : entry.sizeBytes}`,
    );
  }
  const known = storageOffsets.get(key);
  if (known !== undefined) return known;
  const offset = await locateStoredBytes(file, entry);
  storageOffsets.set(key, offset);
  return offset;
}

function scalarsOf(root: PickleDict): Record<string, string> {
  const scalars = [...root.entries].filter(([key, value]) => typeof key === "string" && isScalar(value));
  return Object.fromEntries(scalars.map(([key, value]) => [key, String(value)]));
}

function isScalar(value: PickleValue): boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}
