import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from "yauzl";
import { IngestError } from "../ingest-error.ts";
import {
  type Archive,
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

interface NamedEntry {
  readonly name: string;
  readonly entry: Entry;
}

/**
 * Yields the pictures of a ZIP archive by name, with the text (name.txt) and attributes (name.json) that lie beside each. Nothing is
 * unpacked to disk; a member that is encrypted, larger than it may be or damaged is reported, and the rest goes on.
 * @throws IngestError INVALID_ARCHIVE when its list of members cannot be found
 */
export async function* readZip(path: string, limits: ArchiveLimits): AsyncGenerator<Finding> {
  const archive = archiveAt(path);
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, decodeStrings: false });
  } catch (error) {
    throw unreadableArchive(path, error);
  }
  try {
    const entries: NamedEntry[] = [];
    try {
      for await (const entry of zip.eachEntry()) entries.push({ name: nameOf(entry), entry });
    } catch (error) {
      yield { kind: "rejected", path, file: resolve(path), error: brokenArchive(path, error) };
    }
    yield* readEntries(zip, archive, entries, limits);
  } finally {
    zip.close();
  }
}

async function* readEntries(
  zip: ZipFile,
  archive: Archive,
  entries: readonly NamedEntry[],
  limits: ArchiveLimits,
): AsyncGenerator<Finding> {
  const wanted = entries
    .filter(({ name }) => !name.endsWith("/") && !isHidden(name))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const sample of Map.groupBy(wanted, ({ name }) => splitName(name).key).values()) {
    // Picture by picture, so that a sample of any size never lies in memory as a whole.
    const beside = await readMembers(
      zip,
      archive,
      sample.filter(({ name }) => !isPictureName(name)),
      limits,
    );
    yield* beside.problems;
    const pictures = sample.filter(({ name }) => isPictureName(name));
    if (pictures.length === 0 && beside.members.length > 0) yield* findingsOfSample(archive, beside.members, limits);
    for (const picture of pictures) {
      const { members, problems } = await readMembers(zip, archive, [picture], limits);
      yield* problems;
      if (members.length > 0) yield* findingsOfSample(archive, [...beside.members, ...members], limits);
    }
  }
}

async function readMembers(zip: ZipFile, archive: Archive, entries: readonly NamedEntry[], limits: ArchiveLimits) {
  const members: Member[] = [];
  const problems: Finding[] = [];
  for (const { name, entry } of entries) {
    const refused = refuseName(archive.reportedAs, name) ?? refuseEntry(archive.reportedAs, name, entry);
    const read = refused ?? (await readMember(zip, archive.reportedAs, { name, entry }, limits));
    if (read instanceof IngestError) problems.push(reject(archive, name, read));
    else members.push(read);
  }
  return { members, problems };
}

const UNIX = 3;
const [FILE_TYPE, SYMBOLIC_LINK] = [0o170_000, 0o120_000];

function refuseEntry(archive: string, name: string, entry: Entry): IngestError | undefined {
  if (entry.isEncrypted()) {
    return new IngestError("UNREADABLE", `"${name}" in "${archive}" is encrypted. Unpack it, and ingest the folder.`);
  }
  const isLink =
    entry.versionMadeBy >> 8 === UNIX && ((entry.externalFileAttributes >>> 16) & FILE_TYPE) === SYMBOLIC_LINK;
  return isLink
    ? new IngestError("NOT_A_FILE", `"${name}" in "${archive}" is a link, expected a file. It is not followed.`)
    : undefined;
}

async function readMember(
  zip: ZipFile,
  archive: string,
  { name, entry }: NamedEntry,
  { maxBytes }: ArchiveLimits,
): Promise<Member | IngestError> {
  const sizeBytes = entry.uncompressedSize;
  if (sizeBytes > (isPictureName(name) ? maxBytes : MAX_TEXT_BYTES)) return { name, bytes: undefined, sizeBytes };
  try {
    // The stream fails when it gives more bytes than the entry promises, so a bomb cannot fill the memory.
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    if (crc32(bytes) === entry.crc32) return { name, bytes, sizeBytes };
    return new IngestError("UNREADABLE", `"${name}" in "${archive}" is damaged: its checksum is not the one stored.`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return new IngestError("UNREADABLE", `"${name}" in "${archive}" cannot be read: ${reason}.`, { cause: error });
  }
}

function nameOf(entry: Entry): string {
  return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
}
