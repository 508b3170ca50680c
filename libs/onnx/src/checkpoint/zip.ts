import { CheckpointError } from "./checkpoint-error.ts";
import type { OpenedFile } from "./opened-file.ts";
import { quote } from "./quote.ts";

/** One member of an archive, as its central directory lists it. */
export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  /** 0 when the writer did not compute it (torch.serialization.set_crc32_options(False)). */
  readonly crc32: number;
  readonly method: number;
  readonly flags: number;
  readonly headerOffset: number;
  /** Where the next member's header or the central directory begins: this member's bytes must end before. */
  readonly limitOffset: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ZIP64_END_BYTES = 56;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA_ID = 1;
const METHOD_STORED = 0;
const FLAG_ENCRYPTED = 1;
const FLAG_DESCRIPTOR = 8;
const DESCRIPTOR_SIGNATURE = 0x08074b50;
const DESCRIPTOR_BYTES = 16;
const ZIP64_DESCRIPTOR_BYTES = 24;
// BLIP-L with its optimiser lists about 3,000 members in 300 kB.
const MAX_DIRECTORY_BYTES = 16_000_000;
const SATURATED_16 = 0xffff;
const SATURATED_32 = 0xffff_ffff;

interface DirectoryPlace {
  readonly entryCount: number;
  readonly sizeBytes: number;
  readonly offset: number;
}

/**
 * Lists the members of a ZIP archive by name, from its central directory; ZIP64 included, several disks not.
 * Follows PKWARE's APPNOTE 6.3.10, sections 4.3 to 4.5.
 */
export async function readZipDirectory(file: OpenedFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const place = await findDirectory(file);
  const directory = await file.read(place.offset, place.sizeBytes);
  const entries: Omit<ZipEntry, "limitOffset">[] = [];
  let at = 0;
  while (at < directory.length) {
    const { entry, endsAt } = parseCentralEntry(file, directory, at);
    entries.push(entry);
    at = endsAt;
  }
  if (entries.length !== place.entryCount) {
    throw malformed(file, `lists ${entries.length} members, but announces ${place.entryCount}`);
  }
  return indexEntries(file, entries, place.offset);
}

/** Where a member's bytes begin. Only members that are stored as they are have such a place. */
export async function locateStoredBytes(file: OpenedFile, entry: ZipEntry): Promise<number> {
  if ((entry.flags & FLAG_ENCRYPTED) !== 0) {
    throw new CheckpointError("UNSUPPORTED", `Member ${quote(entry.name)} of ${quote(file.path)} is encrypted`);
  }
  if (entry.method !== METHOD_STORED) {
    throw new CheckpointError(
      "UNSUPPORTED",
      `Member ${quote(entry.name)} of ${quote(file.path)} is compressed (method ${entry.method}), expected stored bytes. ` +
        "The archive was packed again by another tool: load it with torch.load and save it with torch.save.",
    );
  }
  const nameBytes = Buffer.byteLength(entry.name);
  const header = await file.read(entry.headerOffset, LOCAL_BYTES + nameBytes);
  const agrees =
    header.readUInt32LE(0) === LOCAL_SIGNATURE &&
    header.readUInt16LE(8) === entry.method &&
    header.readUInt16LE(26) === nameBytes &&
    header.toString("utf8", LOCAL_BYTES) === entry.name;
  if (!agrees) throw malformed(file, `has no header of member ${quote(entry.name)} at byte ${entry.headerOffset}`);
  // Not taken from the central directory: torch pads the local extra field, so that tensors begin on 64 bytes.
  const offset = entry.headerOffset + LOCAL_BYTES + nameBytes + header.readUInt16LE(28);
  if (entry.storedBytes !== entry.sizeBytes || !(await endsWhereItShould(file, entry, offset + entry.sizeBytes))) {
    throw malformed(
      file,
      `has member ${quote(entry.name)} with ${entry.sizeBytes} bytes from byte ${offset}, expected it to end at its ` +
        `neighbour at byte ${entry.limitOffset}`,
    );
  }
  return offset;
}

/** At its neighbour, or at its data descriptor; a damaged length would otherwise shift the numbers of a tensor. */
async function endsWhereItShould(file: OpenedFile, entry: ZipEntry, endOffset: number): Promise<boolean> {
  const restBytes = entry.limitOffset - endOffset;
  if ((entry.flags & FLAG_DESCRIPTOR) === 0) return restBytes === 0;
  if (restBytes !== DESCRIPTOR_BYTES && restBytes !== ZIP64_DESCRIPTOR_BYTES) return false;
  const descriptor = await file.read(endOffset, restBytes);
  return descriptor.readUInt32LE(0) === DESCRIPTOR_SIGNATURE && descriptor.readUInt32LE(4) === entry.crc32;
}

async function findDirectory(file: OpenedFile): Promise<DirectoryPlace> {
  const tailBytes = Math.min(file.sizeBytes, END_BYTES + MAX_COMMENT_BYTES);
  const tail = await file.read(file.sizeBytes - tailBytes, tailBytes);
  const endInTail = findEndRecord(tail);
  if (endInTail === undefined) {
    throw new CheckpointError(
      "TRUNCATED",
      `${quote(file.path)} begins as a ZIP archive, but its ${file.sizeBytes} bytes do not end with a directory, ` +
        "expected one in the last 64 kB. Download or copy it again.",
    );
  }
  const end = tail.subarray(endInTail);
  const endOffset = file.sizeBytes - tailBytes + endInTail;
  const onOneDisk = end.readUInt16LE(4) === 0 && end.readUInt16LE(6) === 0;
  if (!onOneDisk || end.readUInt16LE(8) !== end.readUInt16LE(10)) throw malformed(file, "is split over several disks");
  const place = await readZip64Place(file, endOffset, {
    entryCount: end.readUInt16LE(10),
    sizeBytes: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
  });
  if (place.sizeBytes > MAX_DIRECTORY_BYTES) {
    throw new CheckpointError(
      "TOO_LARGE",
      `${quote(file.path)} has a ZIP directory of ${place.sizeBytes} bytes, the limit is ${MAX_DIRECTORY_BYTES}`,
    );
  }
  if (place.offset + place.sizeBytes > endOffset) {
    throw malformed(
      file,
      `has a ZIP directory of ${place.sizeBytes} bytes at byte ${place.offset}, expected its end before ${endOffset}`,
    );
  }
  return place;
}

/** The last end record whose comment reaches exactly to the end of the file. */
function findEndRecord(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length)
      return at;
  }
  return undefined;
}

/** The ZIP64 record's numbers when there is one. The small ones must agree with them or be saturated. */
async function readZip64Place(file: OpenedFile, endOffset: number, small: DirectoryPlace): Promise<DirectoryPlace> {
  const saturated =
    small.entryCount === SATURATED_16 || small.sizeBytes === SATURATED_32 || small.offset === SATURATED_32;
  const locatorOffset = endOffset - ZIP64_LOCATOR_BYTES;
  const locator = locatorOffset >= 0 ? await file.read(locatorOffset, ZIP64_LOCATOR_BYTES) : undefined;
  if (locator?.readUInt32LE(0) !== ZIP64_LOCATOR_SIGNATURE) {
    if (saturated) throw malformed(file, "needs a ZIP64 directory record, but has none");
    return small;
  }
  const recordOffset = readSize(file, locator, 8);
  if (recordOffset + ZIP64_END_BYTES > locatorOffset) throw malformed(file, "points its ZIP64 record past its end");
  const record = await file.read(recordOffset, ZIP64_END_BYTES);
  if (record.readUInt32LE(0) !== ZIP64_END_SIGNATURE) throw malformed(file, "has no ZIP64 record where it points to");
  const place: DirectoryPlace = {
    entryCount: readSize(file, record, 32),
    sizeBytes: readSize(file, record, 40),
    offset: readSize(file, record, 48),
  };
  const agrees =
    small.entryCount === Math.min(place.entryCount, SATURATED_16) &&
    small.sizeBytes === Math.min(place.sizeBytes, SATURATED_32) &&
    small.offset === Math.min(place.offset, SATURATED_32);
  if (!agrees && !saturated) throw malformed(file, "has two directory records that contradict each other");
  if (place.offset + place.sizeBytes > recordOffset) throw malformed(file, "has a ZIP directory past its ZIP64 record");
  return place;
}

function parseCentralEntry(file: OpenedFile, directory: Buffer, at: number) {
  if (at + CENTRAL_BYTES > directory.length || directory.readUInt32LE(at) !== CENTRAL_SIGNATURE) {
    throw malformed(file, `has no ZIP directory entry at byte ${at} of its directory`);
  }
  const nameAt = at + CENTRAL_BYTES;
  const extraAt = nameAt + directory.readUInt16LE(at + 28);
  const commentAt = extraAt + directory.readUInt16LE(at + 30);
  const endsAt = commentAt + directory.readUInt16LE(at + 32);
  if (endsAt > directory.length) throw malformed(file, "has a ZIP directory entry past its directory's end");
  const name = directory.toString("utf8", nameAt, extraAt);
  const large = findZip64Extra(directory.subarray(extraAt, commentAt));
  let largeAt = 0;
  // The extra field holds only those of the three that are saturated, in this order.
  const sizeAt = (fieldAt: number) => {
    const small = directory.readUInt32LE(fieldAt);
    if (small !== SATURATED_32 || large === undefined) return small;
    if (largeAt + 8 > large.length) throw malformed(file, `has a short ZIP64 field for member ${quote(name)}`);
    largeAt += 8;
    return readSize(file, large, largeAt - 8);
  };
  const sizeBytes = sizeAt(at + 24);
  const storedBytes = sizeAt(at + 20);
  const headerOffset = sizeAt(at + 42);
  const entry = {
    name,
    sizeBytes,
    storedBytes,
    headerOffset,
    crc32: directory.readUInt32LE(at + 16),
    method: directory.readUInt16LE(at + 10),
    flags: directory.readUInt16LE(at + 8),
  };
  return { entry, endsAt };
}

function findZip64Extra(extra: Buffer): Buffer | undefined {
  let at = 0;
  while (at + 4 <= extra.length) {
    const endsAt = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA_ID) return extra.subarray(at + 4, endsAt);
    at = endsAt;
  }
  return undefined;
}

function indexEntries(file: OpenedFile, entries: Omit<ZipEntry, "limitOffset">[], directoryOffset: number) {
  const byName = new Map<string, ZipEntry>();
  let limitOffset = directoryOffset;
  for (const entry of entries.toSorted((left, right) => right.headerOffset - left.headerOffset)) {
    if (byName.has(entry.name)) throw malformed(file, `lists member ${quote(entry.name)} twice`);
    byName.set(entry.name, { ...entry, limitOffset });
    limitOffset = Math.min(limitOffset, entry.headerOffset);
  }
  return byName;
}

function readSize(file: OpenedFile, bytes: Buffer, at: number): number {
  const size = Number(bytes.readBigUInt64LE(at));
  if (!Number.isSafeInteger(size)) throw malformed(file, `has a ZIP64 number of ${size}`);
  return size;
}

function malformed(file: OpenedFile, problem: string): CheckpointError {
  return new CheckpointError("MALFORMED", `${quote(file.path)} ${problem}`);
}
