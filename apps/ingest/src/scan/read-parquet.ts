import { type AsyncBuffer, asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetScan } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fileError, IngestError } from "../ingest-error.ts";
import type { ArchiveLimits } from "./archive-sample.ts";
import type { Finding, FoundUrl } from "./finding.ts";
import { findingOfRow, invalidRow, ROW_COLUMNS, type RowPlace, rejectRow } from "./manifest-row.ts";

/** A row group is decoded as a whole, and the next one before the last is let go of. */
const MAX_ROW_GROUP_BYTES = 1_073_741_824;

interface ParquetLimits extends ArchiveLimits {
  readonly maxRowGroupBytes?: number;
}

const KNOWN_COLUMNS = new Set([...ROW_COLUMNS, "image"]);
const TEXT_COLUMNS = new Set(["text", "caption", "alt"]);

/**
 * Yields the rows of a Parquet file, one row group after the other. Columns are those of other manifests, in any case (`URL`, `TEXT`),
 * and `image`: the bytes of the picture, or a structure of `bytes` and `path` as in data sets of Hugging Face. Of a list of texts the
 * first is taken, and the list kept as an attribute. A row group that cannot be read is one rejection.
 * @throws IngestError INVALID_MANIFEST when the file is no Parquet, ends too early or names no picture
 */
export async function* readParquet(manifest: string, limits: ParquetLimits): AsyncGenerator<Finding | FoundUrl> {
  const { maxRowGroupBytes = MAX_ROW_GROUP_BYTES } = limits;
  const { file, metadata } = await openParquet(manifest);
  const names = columnNames(metadata);
  checkColumns(manifest, names);
  // Without utf8 bytes that are not marked as text stay bytes, pictures among them.
  const scan = await parquetScan({ file, metadata, compressors, utf8: false });
  const groups = metadata.row_groups.filter(({ num_rows }) => num_rows > 0n);
  for (const [index, { rowStart, rowEnd }] of scan.ranges.entries()) {
    const placeOf = (row: number): RowPlace => ({ manifest, unit: "Row", number: row + 1 });
    const sizeBytes = Number(groups[index]?.total_byte_size ?? 0);
    if (sizeBytes > maxRowGroupBytes) {
      const size = `is one group of ${sizeBytes} bytes, the limit is ${maxRowGroupBytes}`;
      const advice = "Write the file again with smaller row groups.";
      yield rejectRow(placeOf(rowStart), groupError(manifest, rowStart, rowEnd, `${size}. ${advice}`));
      continue;
    }
    let columns: readonly ArrayLike<unknown>[];
    try {
      columns = await Promise.all(names.map((column) => scan.readColumn({ column, rowStart, rowEnd })));
    } catch (error) {
      const problem = `cannot be read: ${reasonOf(error)}. Is the file complete?`;
      yield rejectRow(placeOf(rowStart), groupError(manifest, rowStart, rowEnd, problem, error));
      continue;
    }
    for (let row = rowStart; row < rowEnd; row += 1) {
      const values = names.map((name, column) => [name, columns[column]?.[row - rowStart]] as const);
      yield findingOfValues(placeOf(row), values, limits);
    }
  }
}

async function openParquet(manifest: string): Promise<{ file: AsyncBuffer; metadata: FileMetaData }> {
  const file = await asyncBufferFromFile(manifest).catch((error: unknown) => {
    throw fileError(manifest, error);
  });
  try {
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (error) {
    const message = `"${manifest}" is no whole Parquet file: ${reasonOf(error)}. Is it complete?`;
    throw new IngestError("INVALID_MANIFEST", message, { cause: error });
  }
}

/** Of the first level; what is nested belongs to them. */
function columnNames(metadata: FileMetaData): readonly string[] {
  return [...new Set(metadata.row_groups.flatMap(({ columns }) => columns.map(columnName)))];
}

function columnName({ meta_data }: FileMetaData["row_groups"][number]["columns"][number]): string {
  return meta_data?.path_in_schema[0] ?? "";
}

function checkColumns(manifest: string, names: readonly string[]): void {
  // Without rows nothing is named, and the file is empty rather than wrong.
  if (names.length === 0 || names.some((name) => ["path", "url", "image"].includes(name.toLowerCase()))) return;
  const found = names.map((name) => `"${name}"`).join(", ");
  const message = `"${manifest}" has the columns ${found}, expected one named "path", "url" or "image".`;
  throw new IngestError("INVALID_MANIFEST", message);
}

function findingOfValues(
  place: RowPlace,
  values: readonly (readonly [name: string, value: unknown])[],
  { maxBytes }: ArchiveLimits,
): Finding | FoundUrl {
  const row: Record<string, unknown> = {};
  for (const [name, value] of values) {
    const key = KNOWN_COLUMNS.has(name.toLowerCase()) ? name.toLowerCase() : name;
    if (key === "image") continue;
    const given = jsonValue(ROW_COLUMNS.includes(key) ? decodedText(value) : value);
    if (given === undefined || given === null) continue;
    if (TEXT_COLUMNS.has(key) && Array.isArray(given)) {
      row[key] = given[0];
      row[`${key}s`] = given;
    } else {
      row[key] = given;
    }
  }
  const image = pictureOf(values.find(([name]) => name.toLowerCase() === "image")?.[1]);
  const { bytes } = image;
  if (bytes && bytes.length > maxBytes) {
    const limit = `the limit is ${maxBytes}. Scale it down, or raise MEDLEY_MAX_BYTES.`;
    const message = `The picture in row ${place.number} of "${place.manifest}" has ${bytes.length} bytes, ${limit}`;
    return rejectRow(place, new IngestError("FILE_TOO_LARGE", message));
  }
  if (image.problem) return rejectRow(place, invalidRow(place, image.problem));
  return findingOfRow(place, { ...row, ...(image.path !== undefined && { path: image.path }) }, bytes);
}

interface EmbeddedPicture {
  readonly bytes?: Buffer;
  readonly path?: string;
  readonly problem?: string;
}

function pictureOf(value: unknown): EmbeddedPicture {
  if (value === null || value === undefined) return {};
  // Copied, so that a picture does not hold the page that it was decoded from.
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value) };
  if (typeof value !== "object" || Array.isArray(value)) {
    return { problem: `"image" is a ${Array.isArray(value) ? "list" : typeof value}, expected bytes` };
  }
  const { bytes, path } = value as { readonly bytes?: unknown; readonly path?: unknown };
  const name = decodedText(path);
  return {
    ...(bytes instanceof Uint8Array && { bytes: Buffer.from(bytes) }),
    ...(typeof name === "string" && name !== "" && { path: name }),
  };
}

/** Writers of old files do not mark text as such. */
function decodedText(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value;
}

/** As JSON can hold it: whole numbers beyond 2^53 as text, dates in ISO 8601; bytes are left out. */
function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, jsonValue(inner)]));
}

function groupError(manifest: string, rowStart: number, rowEnd: number, problem: string, cause?: unknown): IngestError {
  const message = `The part of "${manifest}" from row ${rowStart + 1} to ${rowEnd} ${problem}`;
  return new IngestError("INVALID_MANIFEST", message, { cause });
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}
