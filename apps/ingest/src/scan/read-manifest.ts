import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type CsvError, parse } from "csv-parse";
import { fileError, IngestError } from "../ingest-error.ts";
import type { Finding, FoundUrl } from "./finding.ts";
import { findingOfRow, invalidRow, type RowPlace, rejectRow } from "./manifest-row.ts";

/** One row; a longer line is a broken file (an unclosed quote swallows the rest) and must not fill the memory. */
const MAX_ROW_BYTES = 1_000_000;

/**
 * Yields the rows of a manifest as they are read. Columns: `path` (relative to the manifest) or `url`, one of `text`, `caption`,
 * `alt`, and `attributes` (a JSON object); any other column becomes an attribute. A bad row is a rejection, the rest goes on.
 */
export async function* readManifest(manifest: string): AsyncGenerator<Finding | FoundUrl> {
  const rows = /\.(csv|tsv)$/i.test(manifest) ? readCsv(manifest) : readJsonLines(manifest);
  for await (const { line, value } of rows) {
    const place = placeOfLine(manifest, line);
    yield value instanceof IngestError ? rejectRow(place, value) : findingOfRow(place, value);
  }
}

interface Row {
  readonly line: number;
  readonly value: unknown;
}

function placeOfLine(manifest: string, number: number): RowPlace {
  return { manifest, unit: "Line", number };
}

async function* readJsonLines(manifest: string): AsyncGenerator<Row> {
  const stream = createReadStream(manifest, { encoding: "utf8" });
  // readline reads on without listening for errors of its stream.
  const failure = new Promise<never>((_, reject) =>
    stream.once("error", (error) => reject(fileError(manifest, error))),
  );
  failure.catch(() => {});
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (let line = 1; ; line += 1) {
    const next = await Promise.race([lines.next(), failure]);
    if (next.done) return;
    const text = line === 1 ? next.value.replace(/^\uFEFF/, "") : next.value;
    if (text.trim()) yield { line, value: parseJsonLine(manifest, line, text) };
  }
}

function parseJsonLine(manifest: string, line: number, text: string): unknown {
  const place = placeOfLine(manifest, line);
  if (text.length > MAX_ROW_BYTES) return invalidRow(place, `it is longer than ${MAX_ROW_BYTES} characters`);
  try {
    return JSON.parse(text);
  } catch (error) {
    return invalidRow(place, `not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

async function* readCsv(manifest: string): AsyncGenerator<Row> {
  // The parser reads ahead, so it skips a bad record before the good ones above it are handed out.
  const skipped: Row[] = [];
  const parser = parse({
    delimiter: /\.tsv$/i.test(manifest) ? "\t" : ",",
    bom: true,
    columns: (header: string[]) => checkHeader(manifest, header),
    info: true,
    max_record_size: MAX_ROW_BYTES,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const line = Number(error?.lines ?? 0);
      skipped.push({ line, value: invalidRow(placeOfLine(manifest, line), error?.message ?? "unknown") });
      return undefined;
    },
  });
  createReadStream(manifest)
    .once("error", (error) => parser.destroy(fileError(manifest, error)))
    .pipe(parser);
  for await (const { info, record } of parser as AsyncIterable<{
    info: { lines: number };
    record: Record<string, string>;
  }>) {
    while (skipped[0] && skipped[0].line < info.lines) yield skipped.shift() as Row;
    yield { line: info.lines, value: withParsedAttributes(manifest, info.lines, record) };
  }
  yield* skipped;
}

function checkHeader(manifest: string, header: readonly string[]): string[] {
  const names = header.map((name) => name.trim());
  if (names.includes("path") || names.includes("url")) return names;
  throw new IngestError(
    "INVALID_MANIFEST",
    `The first line of "${manifest}" names the columns ${names.map((name) => `"${name}"`).join(", ")}, expected one named "path" or "url".`,
  );
}

/** In CSV every value is text: an empty one is absent, and `attributes` holds JSON. */
function withParsedAttributes(manifest: string, line: number, record: Readonly<Record<string, string>>): unknown {
  const filled = Object.fromEntries(Object.entries(record).filter(([, value]) => value.trim() !== ""));
  if (filled.attributes === undefined) return filled;
  const attributes = parseJsonLine(manifest, line, filled.attributes);
  return attributes instanceof IngestError ? attributes : { ...filled, attributes };
}
