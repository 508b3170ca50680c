import { dirname, join } from "node:path";
import { CheckpointError } from "./checkpoint-error.ts";
import type { OpenedFile } from "./opened-file.ts";
import { withFile } from "./opened-file.ts";
import { quote } from "./quote.ts";
import { type CheckpointFile, LENGTH_BYTES, readSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./stored-tensor.ts";
import { isJsonObject, type JsonObject, parseStrictJson } from "./strict-json.ts";
import { readTorchArchive } from "./torch-archive.ts";

/** The tensors of one checkpoint and where each lies. Holds no open file. */
export interface Checkpoint {
  readonly format: "safetensors" | "torch";
  /** The files that hold tensors, absolute, symbolic links resolved; shards in the order their index first names them. */
  readonly files: readonly string[];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** safetensors: __metadata__. torch: the numbers, strings and flags beside the weights, such as the epoch. */
  readonly metadata: Readonly<Record<string, string>>;
}

// BLIP-L has 617 tensors in one file; an index of 100,000 takes about 10 MB.
const MAX_INDEX_BYTES = 25_000_000;
const MAX_SHARDS = 1_000;
const SNIFFED_BYTES = 64;

/** What a checkpoint cannot be, told by its first bytes. */
const FOREIGN_FORMATS: readonly { readonly magic: Buffer; readonly advice: string }[] = [
  {
    // pickle.dumps(0x1950a86a20f9469cfc6c, protocol=2), the first of the five pickles of torch.save before 1.6
    magic: Buffer.from("80028a0a6cfc9c46f9206aa85019", "hex"),
    advice:
      "is a torch file from before PyTorch 1.6. Convert it in Python: " +
      'torch.save(torch.load("old.pth", weights_only=True), "new.pth")',
  },
  { magic: Buffer.from([0x80]), advice: "is a bare pickle. Save the weights with torch.save or safetensors" },
  { magic: Buffer.from("version https://git-lfs"), advice: "is a Git LFS pointer. Fetch the file: git lfs pull" },
  { magic: Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), advice: "is HDF5 (TensorFlow). Use the PyTorch weights" },
  { magic: Buffer.from("GGUF"), advice: "is GGUF. Use the safetensors weights" },
  { magic: Buffer.from("<"), advice: "is a web page or XML. Was the download refused? Fetch the file again" },
];

/**
 * Opens a .safetensors file, a torch.save archive (.bin, .pth, .pt) or the index.json of either's shards. The content
 * decides which it is, not the name. Reads headers only, so the time does not grow with the size of the tensors.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  return withFile(path, async (file) => {
    const format = await sniff(file);
    // Shards lie beside the index as it was named: in a hub cache its real path is a folder of blobs.
    if (format === "index") return openShards(file, dirname(path));
    const { tensors, metadata } = await readOne(file, format);
    return { format, files: [file.path], tensors, metadata };
  });
}

async function readOne(file: OpenedFile, format: Checkpoint["format"]): Promise<CheckpointFile> {
  return format === "safetensors" ? readSafetensors(file) : readTorchArchive(file);
}

async function sniff(file: OpenedFile): Promise<Checkpoint["format"] | "index"> {
  if (file.sizeBytes < LENGTH_BYTES) {
    throw new CheckpointError(
      "TRUNCATED",
      `${quote(file.path)} has ${file.sizeBytes} bytes, expected a checkpoint. Download or copy it again.`,
    );
  }
  const start = await file.read(0, Math.min(file.sizeBytes, SNIFFED_BYTES));
  if (/^PK(\x03\x04|\x05\x06)/.test(start.toString("latin1"))) return "torch"; // a ZIP archive, or an empty one
  // The length of a safetensors header is below 2 ** 32, so bytes 4 to 7 are zero; no text contains zeros.
  if (start.readUInt32LE(4) === 0) return "safetensors";
  if (/^\s*\{/.test(start.toString("latin1"))) return "index";
  if (start[LENGTH_BYTES] === 0x7b) return "safetensors"; // "{": a header of absurd length, refused by its reader
  const foreign = FOREIGN_FORMATS.find(({ magic }) => start.subarray(0, magic.length).equals(magic));
  if (foreign) throw new CheckpointError("UNSUPPORTED", `${quote(file.path)} ${foreign.advice}.`);
  throw new CheckpointError(
    "MALFORMED",
    `${quote(file.path)} begins with ${quote(start.toString("latin1", 0, 16))}, which is no safetensors file, no ` +
      "torch.save archive and no index.json of shards",
  );
}

async function openShards(index: OpenedFile, directory: string): Promise<Checkpoint> {
  if (index.sizeBytes > MAX_INDEX_BYTES) {
    throw new CheckpointError(
      "TOO_LARGE",
      `${quote(index.path)} has ${index.sizeBytes} bytes, the limit for an index is ${MAX_INDEX_BYTES}`,
    );
  }
  const { weight_map: weightMap, metadata } = parseStrictJson(await index.read(0, index.sizeBytes), quote(index.path));
  const namesByShard = groupByShard(index, weightMap);
  const tensors = new Map<string, StoredTensor>();
  const files: string[] = [];
  const formats = new Set<Checkpoint["format"]>();
  for (const [shard, names] of namesByShard) {
    await withFile(join(directory, shard), async (file) => {
      const format = await sniff(file);
      if (format === "index") {
        throw new CheckpointError("MALFORMED", `${quote(index.path)} names the shard ${quote(shard)}, itself an index`);
      }
      const content = await readOne(file, format);
      // Only what the index puts here: a tensor that lies in two shards counts where the index says.
      for (const name of names) tensors.set(name, requireTensor(content, name, shard, index));
      files.push(file.path);
      formats.add(format);
    });
  }
  const [format, other] = formats;
  if (format === undefined || other !== undefined) {
    throw new CheckpointError("MALFORMED", `The shards of ${quote(index.path)} are safetensors and torch files mixed`);
  }
  return { format, files, tensors, metadata: isJsonObject(metadata) ? scalarsOf(metadata) : {} };
}

function requireTensor(content: CheckpointFile, name: string, shard: string, index: OpenedFile): StoredTensor {
  const tensor = content.tensors.get(name);
  if (tensor === undefined) {
    throw new CheckpointError(
      "MALFORMED",
      `${quote(index.path)} puts tensor ${quote(name)} into ${quote(shard)}, which does not hold it. ` +
        "Are the index and its shards from the same revision?",
    );
  }
  return tensor;
}

function groupByShard(index: OpenedFile, weightMap: unknown): Map<string, string[]> {
  if (!isJsonObject(weightMap)) {
    throw new CheckpointError(
      "MALFORMED",
      `${quote(index.path)} has weight_map ${quote(weightMap)}, expected an object of tensor names and file names. ` +
        "Is this the index.json of a checkpoint?",
    );
  }
  const namesByShard = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== "string" || !staysInside(shard)) {
      throw new CheckpointError(
        "MALFORMED",
        `${quote(index.path)} puts tensor ${quote(name)} into ${quote(shard)}, expected a file beside the index`,
      );
    }
    const names = namesByShard.get(shard);
    if (names === undefined) namesByShard.set(shard, [name]);
    else names.push(name);
  }
  if (namesByShard.size === 0 || namesByShard.size > MAX_SHARDS) {
    throw new CheckpointError(
      namesByShard.size === 0 ? "MALFORMED" : "TOO_LARGE",
      `${quote(index.path)} names ${namesByShard.size} shards, expected 1 to ${MAX_SHARDS}`,
    );
  }
  return namesByShard;
}

/** A relative path without "..", a drive, a backslash or a zero: what it names lies in the folder or is linked there. */
function staysInside(shard: string): boolean {
  return (
    !/[\\:\0]/.test(shard) && shard.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
  );
}

function scalarsOf(metadata: JsonObject): Record<string, string> {
  const scalars = Object.entries(metadata).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(scalars.map(([key, value]) => [key, String(value)]));
}
