import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { fileError, IngestError } from "../ingest-error.ts";
import {
  type ArchiveLimits,
  archiveAt,
  brokenArchive,
  findingsOfSample,
  isHidden,
  isPictureName,
  MAX_TEXT_BYTES,
  type Member,
  refuseName,
  reject,
  splitName,
  unreadableArchive,
} from "./archive-sample.ts";
import type { Finding } from "./finding.ts";

/** Files of one key that lie behind one another are a sample; one with more of them is handed out in parts. */
const MAX_SAMPLE_MEMBERS = 64;
const GZIP_SIGNATURE = 0x1f8b;

/**
 * Yields the pictures of a tar archive or WebDataset shard, in its order, with the texts and attributes of their samples. It is read
 * as a stream and never unpacked; names and links that lead out of it are reported. Of a broken archive everything before the break is read.
 * Whether it is compressed with gzip is told by its content.
 * @throws IngestError INVALID_ARCHIVE when not even its first member can be read
 */
export async function* readTar(path: string, limits: ArchiveLimits): AsyncGenerator<Finding> {
  const archive = archiveAt(path);
  const isCompressed = await startsAsGzip(path);
  const unpack = extract();
  const source = createReadStream(path);
  source.once("error", (error) => unpack.destroy(fileError(path, error)));
  if (isCompressed) {
    const gunzip = createGunzip();
    gunzip.once("error", (error) => unpack.destroy(error));
    source.pipe(gunzip).pipe(unpack);
  } else {
    source.pipe(unpack);
  }
  let sample: Member[] = [];
  let size = 0;
  let begun = false;
  try {
    for await (const entry of unpack) {
      begun = true;
      const { header } = entry;
      const { name } = header;
      if (isPassedOver(header)) {
        entry.resume();
        continue;
      }
      const refused = refuseName(path, name) ?? refuseType(path, header);
      if (refused) {
        entry.resume();
        yield reject(archive, name, refused);
        continue;
      }
      const isNext = sample[0] !== undefined && splitName(sample[0].name).key !== splitName(name).key;
      if (isNext || sample.length >= MAX_SAMPLE_MEMBERS || size > 2 * limits.maxBytes) {
        yield* findingsOfSample(archive, sample, limits);
        [sample, size] = [[], 0];
      }
      const member = await readMember(entry, limits);
      sample.push(member);
      size += member.bytes?.length ?? 0;
    }
    if (sample.length > 0) yield* findingsOfSample(archive, sample, limits);
  } catch (error) {
    if (error instanceof IngestError) throw error;
    if (!begun) throw unreadableArchive(path, error);
    if (sample.length > 0) yield* findingsOfSample(archive, sample, limits);
    yield { kind: "rejected", path, file: resolve(path), error: brokenArchive(path, error) };
  } finally {
    source.destroy();
  }
}

async function startsAsGzip(path: string): Promise<boolean> {
  const handle = await open(path).catch((error: unknown) => {
    throw fileError(path, error);
  });
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === GZIP_SIGNATURE;
  } finally {
    await handle.close();
  }
}

function isPassedOver(header: Header): boolean {
  return header.type === "directory" || header.name.endsWith("/") || isHidden(header.name);
}

function refuseType(archive: string, header: Header): IngestError | undefined {
  if (header.type === "file" || header.type === "contiguous-file") return undefined;
  const target = header.linkname ? ` to "${header.linkname}"` : "";
  const message = `"${header.name}" in "${archive}" is a ${header.type}${target}, expected a file. It is not followed.`;
  return new IngestError("NOT_A_FILE", message);
}

type Entry = AsyncIterable<unknown> & { readonly header: Header; resume(): unknown };

async function readMember(entry: Entry, { maxBytes }: ArchiveLimits): Promise<Member> {
  const { name, size } = entry.header;
  if (size > (isPictureName(name) ? maxBytes : MAX_TEXT_BYTES)) {
    entry.resume();
    return { name, bytes: undefined, sizeBytes: size };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return { name, bytes: Buffer.concat(chunks), sizeBytes: size };
}
