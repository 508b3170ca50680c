import { createHash, type Hash } from "node:crypto";
import { mkdir, open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Blip } from "@medley/blip";
import type { StoredTensor } from "@medley/onnx";
import type { ItmToken } from "./model-set.ts";

/** Identity of a model's outputs, and of the image tokens alone. SHA-256 in lower-case hex. */
export interface Fingerprints {
  readonly model: string;
  readonly vision: string;
}

// Change it whenever the graphs compute something else from the same weights; old embeddings and tokens then stop counting.
const GRAPH_VERSION = 1;
const CHUNK_BYTES = 4_000_000;

/**
 * Fingerprints over the content of every tensor (not over the file: the same weights as safetensors, .bin or .pth are the same
 * model) and every setting that changes outputs. Reading a 900 MB checkpoint takes about a second, so the result is kept in
 * `cacheDirectory` under the files' path, size and time of change.
 */
export async function fingerprintsOf(blip: Blip, itmToken: ItmToken, cacheDirectory: string): Promise<Fingerprints> {
  const tensors = await tensorDigests(blip, cacheDirectory);
  const { preprocessor, vision } = blip;
  const visionSettings = { version: GRAPH_VERSION, preprocessor, vision };
  const settings = {
    ...visionSettings,
    textEncoder: blip.textEncoder,
    textDecoder: blip.textDecoder,
    specialTokens: blip.tokenizer.specialTokens,
    endToken: blip.endToken,
    vocabulary: blip.vocabularyDigest,
    itmToken,
  };
  return {
    model: digest(tensors, settings),
    vision: digest(
      tensors.filter(([name]) => name.startsWith("vision_model.")),
      visionSettings,
    ),
  };
}

type Digests = readonly (readonly [name: string, digest: string])[];

function digest(tensors: Digests, settings: unknown): string {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([sorted, settings]))
    .digest("hex");
}

async function tensorDigests(blip: Blip, cacheDirectory: string): Promise<Digests> {
  const files = await Promise.all(
    blip.checkpoint.files.map(async (file) => {
      const { size, mtimeMs, ino } = await stat(file);
      return [file, size, mtimeMs, ino];
    }),
  );
  const key = createHash("sha256")
    .update(JSON.stringify([blip.layout, files]))
    .digest("hex");
  const cached = join(cacheDirectory, `tensors-${key}.json`);
  const known = await readFile(cached, "utf8").catch(() => undefined);
  if (known) return JSON.parse(known) as Digests;
  const digests: (readonly [string, string])[] = [];
  for (const [name, tensor] of blip.tensors) digests.push([name, await tensorDigest(tensor)]);
  await mkdir(dirname(cached), { recursive: true });
  const partial = `${cached}.${process.pid}`;
  await writeFile(partial, JSON.stringify(digests));
  await rename(partial, cached);
  return digests;
}

async function tensorDigest(tensor: StoredTensor): Promise<string> {
  const hash = createHash("sha256").update(
    `${tensor.elementType}[${tensor.shape}]${tensor.contiguous ? "" : tensor.strides}`,
  );
  await hashRange(hash, tensor.file, tensor.offsetBytes, tensor.lengthBytes);
  return hash.digest("hex");
}

async function hashRange(hash: Hash, file: string, offset: number, length: number): Promise<void> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, length));
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - done), offset + done);
      if (bytesRead === 0) throw new Error(`${file} became shorter while it was read.`);
      hash.update(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
