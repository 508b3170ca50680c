import { dirname, resolve } from "node:path";
import { z } from "zod";
import { IngestError } from "../ingest-error.ts";
import type { Finding, FoundUrl } from "./finding.ts";

/** Where a row stands, for reports and errors. */
export interface RowPlace {
  readonly manifest: string;
  /** "Line" of a text, or "Row" of a table. */
  readonly unit: "Line" | "Row";
  /** From 1. */
  readonly number: number;
}

const optionalText = z.string().trim().nullish();
const rowSchema = z
  .object({
    path: optionalText,
    url: optionalText,
    text: optionalText,
    caption: optionalText,
    alt: optionalText,
    attributes: z.record(z.string(), z.unknown()).nullish(),
  })
  .catchall(z.unknown());

/** Columns that say where a picture is or what it shows; every other one becomes an attribute. */
export const ROW_COLUMNS = Object.keys(rowSchema.shape);

/**
 * What a row names: `path` (relative to the manifest) or else `url`, with its text and attributes. A URL beside a path is kept as an
 * attribute.
 * @param bytes  the picture itself where the row holds it; then `path` is only its name
 */
export function findingOfRow(place: RowPlace, value: unknown, bytes?: Buffer): Finding | FoundUrl {
  const parsed = rowSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.length ? `column "${issue.path.join(".")}"` : "it";
    return rejectRow(place, invalidRow(place, `${where} does not fit: ${issue?.message}`));
  }
  const { path, url, text, caption, alt, attributes, ...others } = parsed.data;
  const webText = (text || caption || alt || "").replace(/\s+/g, " ");
  const described = {
    attributes: { ...others, ...attributes },
    attributesFrom: describePlace(place),
    ...(webText && { webText }),
  };
  if (!path && !bytes && url) return { kind: "url", path: url, file: url, url, ...described };
  const found = { ...described, attributes: { ...(url && { url }), ...described.attributes } };
  if (bytes) return { kind: "file", ...placeOfEmbedded(place, path ?? undefined), bytes, ...found };
  if (!path) return rejectRow(place, invalidRow(place, 'it has no "path" and no "url"'));
  return { kind: "file", path, file: resolve(dirname(resolve(place.manifest)), path), ...found };
}

export function rejectRow(place: RowPlace, error: IngestError): Finding {
  const { manifest, number } = place;
  return { kind: "rejected", path: `${manifest}:${number}`, file: `${resolve(manifest)}:${number}`, error };
}

function describePlace({ manifest, unit, number }: RowPlace): string {
  return `${unit} ${number} of "${manifest}"`;
}

export function invalidRow(place: RowPlace, reason: string): IngestError {
  return new IngestError("INVALID_ROW", `${describePlace(place)} is not a row of pictures: ${reason}.`);
}

/** A picture inside a manifest is "pairs.parquet:12/NAME"; names alone repeat, and lead nowhere. */
function placeOfEmbedded({ manifest, number }: RowPlace, name: string | undefined) {
  const last = name?.split(/[\\/]/).at(-1);
  const row = last ? `:${number}/${last}` : `:${number}`;
  return { path: manifest + row, file: resolve(manifest) + row };
}
