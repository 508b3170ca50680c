import { join, resolve } from "node:path";
import { IngestError } from "../ingest-error.ts";
import type { Finding } from "./finding.ts";

/** One file of an archive. `bytes` are undefined where it is larger than a picture or a text may be. */
export interface Member {
  /** Path in the archive, with slashes. */
  readonly name: string;
  readonly bytes: Buffer | undefined;
  readonly sizeBytes: number;
}

export interface ArchiveLimits {
  readonly maxBytes: number;
}

/** A text or attribute file is a sentence or a page; more than this is another kind of file. */
export const MAX_TEXT_BYTES = 1_000_000;

const PICTURES = new Set("jpg jpeg jpe jfif png webp gif tif tiff avif heic heif bmp svg jxl jp2".split(" "));
const TEXTS = new Set(["txt", "caption"]);
const WEB_TEXT_KEYS = ["caption", "text", "alt"] as const;

/**
 * Key and field of a member, as WebDataset reads them: "shard/000123.left.jpg" is the field "left.jpg" of the sample "shard/000123".
 * https://github.com/webdataset/webdataset, base_plus_ext
 */
export function splitName(name: string): { readonly key: string; readonly field: string } {
  const start = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", start + 1);
  return dot < 0 ? { key: name, field: "" } : { key: name.slice(0, dot), field: name.slice(dot + 1).toLowerCase() };
}

export function isPictureName(name: string): boolean {
  return PICTURES.has(extensionOf(splitName(name).field));
}

/** Whether people would take the member for no content: hidden files and what file managers leave behind. */
export function isHidden(name: string): boolean {
  return (
    name.split("/").some((part) => part.startsWith(".") && part !== "." && part !== "..") ||
    name.startsWith("__MACOSX/")
  );
}

/** Why a name may not be used, or undefined. Nothing is written under it; but it would be stored as where a picture is from. */
export function refuseName(archive: string, name: string): IngestError | undefined {
  const bad = name.startsWith("/") || /^[A-Za-z]:/.test(name) || name.includes("\\") || name.split("/").includes("..");
  if (!bad && !name.includes("\0")) return undefined;
  return new IngestError(
    "UNSAFE_NAME",
    `"${archive}" holds a file that is named "${name}", out of the archive. It is not read.`,
  );
}

/** Pictures of one sample with its texts and attributes: what its members (of one key) give. */
export function findingsOfSample(archive: Archive, members: readonly Member[], limits: ArchiveLimits): Finding[] {
  const fields = new Map(members.map((member) => [splitName(member.name).field, member]));
  const pictures = members.filter(({ name }) => isPictureName(name));
  if (pictures.length === 0) return [rejectSample(archive, members)];
  return pictures.flatMap((picture) => {
    const json = memberBeside(fields, picture, ["json"]);
    const { attributes, webText: described, problem } = readAttributes(archive, json);
    const webText = readText(memberBeside(fields, picture, [...TEXTS])) ?? described;
    const finding: Finding =
      picture.bytes === undefined
        ? reject(archive, picture.name, tooLarge(archive, picture, limits))
        : {
            kind: "file",
            ...archive.place(picture.name),
            bytes: picture.bytes,
            attributes,
            ...(json && { attributesFrom: `"${json.name}" in "${archive.reportedAs}"` }),
            ...(webText && { webText }),
          };
    return problem ? [problem, finding] : [finding];
  });
}

/** How an archive is named in reports, and its absolute path. */
export interface Archive {
  readonly reportedAs: string;
  readonly place: (member: string) => { readonly path: string; readonly file: string };
}

/** The members of "pictures.tar" are reported and stored as "pictures.tar/NAME". */
export function archiveAt(path: string): Archive {
  return {
    reportedAs: path,
    place: (member) => ({ path: `${path}/${member}`, file: join(resolve(path), join("/", member)) }),
  };
}

export function brokenArchive(path: string, error: unknown): IngestError {
  const reason = error instanceof Error ? error.message : String(error);
  const message = `"${path}" cannot be read to its end: ${reason}. What lies before is read; is the file complete?`;
  return new IngestError("INVALID_ARCHIVE", message, { cause: error });
}

export function unreadableArchive(path: string, error: unknown): IngestError {
  const reason = (error instanceof Error ? error.message : String(error)).replace(/[.?]$/, "");
  const expected = "Expected a tar archive, compressed with gzip or not, or a ZIP archive, as its name says";
  const message = `"${path}" cannot be read as an archive: ${reason}. ${expected}; is the file complete?`;
  return new IngestError("INVALID_ARCHIVE", message, { cause: error });
}

export function reject(archive: Archive, member: string, error: IngestError): Finding {
  return { kind: "rejected", ...archive.place(member), error };
}

/** "left.jpg" has its text in "left.txt" or, for the whole sample, in "txt". */
function memberBeside(fields: Map<string, Member>, picture: Member, extensions: readonly string[]): Member | undefined {
  const { field } = splitName(picture.name);
  const stem = field.slice(0, field.length - extensionOf(field).length);
  const candidates = [...extensions.map((extension) => stem + extension), ...extensions];
  return candidates.map((name) => fields.get(name)).find((member) => member !== undefined);
}

function extensionOf(field: string): string {
  return field.slice(field.lastIndexOf(".") + 1);
}

function readText(member: Member | undefined): string | undefined {
  return (
    member?.bytes
      ?.toString("utf8")
      .replace(/^\uFEFF/, "")
      .replace(/\s+/g, " ")
      .trim() || undefined
  );
}

/** The sample's JSON: its caption is the text that came with the picture, everything else attributes. */
function readAttributes(archive: Archive, member: Member | undefined) {
  const nothing = { attributes: {}, webText: undefined, problem: undefined };
  if (member?.bytes === undefined) return nothing;
  const complain = (reason: string) => {
    const message = `"${member.name}" in "${archive.reportedAs}" is no JSON object: ${reason}. The picture is taken without it.`;
    return { ...nothing, problem: reject(archive, member.name, new IngestError("INVALID_ROW", message)) };
  };
  try {
    const value: unknown = JSON.parse(member.bytes.toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return complain(`it holds ${Array.isArray(value) ? "a list" : typeof value}`);
    const { caption, text, alt, ...attributes } = value as Record<string, unknown>;
    const given = WEB_TEXT_KEYS.map((key) => ({ caption, text, alt })[key]).find((found) => typeof found === "string");
    return { attributes, webText: (given as string | undefined)?.replace(/\s+/g, " ").trim(), problem: undefined };
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error));
  }
}

function rejectSample(archive: Archive, members: readonly Member[]): Finding {
  const name = members[0]?.name ?? "";
  const others = members.map((member) => `"${member.name}"`).join(", ");
  const message = `"${archive.reportedAs}" holds ${others} without a picture beside, expected one such as "${splitName(name).key}.jpg".`;
  return reject(archive, name, new IngestError("NO_PICTURE", message));
}

function tooLarge({ reportedAs }: Archive, { name, sizeBytes }: Member, { maxBytes }: ArchiveLimits): IngestError {
  const limit = `the limit is ${maxBytes}. Scale it down, or raise MEDLEY_MAX_BYTES.`;
  return new IngestError("FILE_TOO_LARGE", `"${name}" in "${reportedAs}" has ${sizeBytes} bytes, ${limit}`);
}
