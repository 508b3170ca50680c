import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { fannedPath } from "./blobs.ts";
import { isMissing, sealFile } from "./sealed-file.ts";
import { StorageError } from "./storage-error.ts";

/** What a vision transformer made of one picture: float16 bits, row by row, [tokens, width]. */
export type ImageTokens = { readonly data: Uint16Array; readonly tokens: number; readonly width: number };

/** Image tokens by vision tower and picture. They can be computed again, so a damaged file counts as a missing one. */
export type TokenStore = {
  readonly read: (visionFingerprint: string, sha256: string) => Promise<ImageTokens | undefined>;
  readonly write: (visionFingerprint: string, sha256: string, tokens: ImageTokens) => Promise<void>;
  readonly has: (visionFingerprint: string, sha256: string) => Promise<boolean>;
  readonly delete: (visionFingerprint: string, sha256: string) => Promise<void>;
  /** Removes what every vision tower made of a picture that is deleted. */
  readonly removeAll: (sha256: string) => Promise<void>;
  /** Removes everything of a vision tower that no space uses any more. */
  readonly deleteAll: (visionFingerprint: string) => Promise<void>;
};

// Header, little-endian like the data: "MDTK", version, tokens, width, crc32 of tokens, width and data, 12 bytes zero.
const HEADER_BYTES = 32;
const MAGIC = 0x4b54444d;
const VERSION = 1;

export function openTokenStore({ directory }: { directory: string }): TokenStore {
  const folderOf = (visionFingerprint: string) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(visionFingerprint)) {
      throw new StorageError("INVALID_VALUE", `Vision fingerprint "${visionFingerprint}" cannot be a folder's name.`);
    }
    return join(directory, visionFingerprint);
  };
  const pathOf = (visionFingerprint: string, sha256: string) =>
    `${fannedPath(folderOf(visionFingerprint), sha256)}.tokens`;
  return {
    async read(visionFingerprint, sha256) {
      const path = pathOf(visionFingerprint, sha256);
      const bytes = await readAligned(path);
      if (!bytes) return undefined;
      const tokens = decode(bytes);
      if (!tokens) await rm(path, { force: true });
      return tokens;
    },
    write: async (visionFingerprint, sha256, tokens) =>
      sealFile(folderOf(visionFingerprint), pathOf(visionFingerprint, sha256), encode(tokens), { durable: false }),
    has: async (visionFingerprint, sha256) =>
      stat(pathOf(visionFingerprint, sha256)).then(
        (facts) => facts.size > HEADER_BYTES,
        () => false,
      ),
    delete: async (visionFingerprint, sha256) => rm(pathOf(visionFingerprint, sha256), { force: true }),
    async removeAll(sha256) {
      for (const folder of await readdir(directory).catch(() => [])) {
        await rm(`${fannedPath(join(directory, folder), sha256)}.tokens`, { force: true });
      }
    },
    deleteAll: async (visionFingerprint) => rm(folderOf(visionFingerprint), { recursive: true, force: true }),
  };
}

function encode({ data, tokens, width }: ImageTokens): Uint8Array[] {
  if (data.length !== tokens * width || data.length === 0) {
    throw new StorageError("INVALID_VALUE", `Image tokens have ${data.length} values, expected ${tokens} x ${width}.`);
  }
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(VERSION, 4);
  header.writeUInt32LE(tokens, 8);
  header.writeUInt32LE(width, 12);
  header.writeUInt32LE(checksum(header, body), 16);
  return [header, body];
}

/** Undefined for anything that `encode` did not write completely. */
function decode(bytes: Uint8Array<ArrayBuffer>): ImageTokens | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = Buffer.from(bytes.buffer, 0, HEADER_BYTES);
  const tokens = header.readUInt32LE(8);
  const width = header.readUInt32LE(12);
  if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(4) !== VERSION) return undefined;
  if (bytes.length !== HEADER_BYTES + tokens * width * 2 || tokens * width === 0) return undefined;
  if (header.readUInt32LE(16) !== checksum(header, bytes.subarray(HEADER_BYTES))) return undefined;
  return { data: new Uint16Array(bytes.buffer, HEADER_BYTES, tokens * width), tokens, width };
}

// crc32 rather than a hash: it must find torn writes and flipped bits, and a search reads a hundred of these files.
function checksum(header: Buffer, body: Uint8Array): number {
  return crc32(body, crc32(header.subarray(8, 16)));
}

/** The file in a buffer of its own, so that the values behind the header are aligned and belong to the caller alone. */
async function readAligned(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
