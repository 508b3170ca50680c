import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CliError } from "../cli-error.ts";

export const MANIFEST_NAME = "manifest.json";
export const LEDGER_NAME = "ledger.jsonl.gz";
export const TABLE_NAME = "pairs.parquet";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const model = z.object({ name: z.string(), fingerprint: z.string() });

// File names come from a folder that anybody may have written: nothing in them can lead out of it.
const fileSchema = z.object({
  name: z.string().regex(/^(pictures\/)?[a-z0-9][a-z0-9.-]{0,63}$/),
  bytes: count,
  sha256,
  contents: sha256.optional(),
});

const manifestSchema = z.object({
  format: z.literal("medley-export"),
  /** Grows when an older Medley could not read the export. */
  version: z.literal(1),
  /** The last migration of the database that it came from. */
  schema: z.string(),
  corpus: z.object({ id: z.uuid(), name: z.string() }),
  /** Whether the bytes of every picture are here, and every caption is in the table; else of what is kept. */
  all: z.boolean(),
  shardSize: count,
  counts: z.object({
    pictures: count,
    captions: count,
    kept: count,
    /** Samples in the shards of pairs: kept captions, those of equal text of one picture once. */
    samples: count,
    /** Pictures whose bytes are in a shard. */
    picturesInShards: count,
    ledgerLines: count,
  }),
  captioners: z.array(model),
  filters: z.array(model),
  /** SHA-256 of pictures whose bytes this installation had lost. */
  missingPictures: z.array(sha256),
  /** Embeddings are never part of an export: the model computes them again. */
  embeddings: z.literal("not exported"),
  files: z.array(fileSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** The manifest of an export; null where there is none. */
export async function readManifest(directory: string): Promise<Manifest | null> {
  const path = join(directory, MANIFEST_NAME);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw error;
  });
  if (text === null) return null;
  const read = manifestSchema.safeParse(parseJson(text));
  if (read.success) return read.data;
  const problem = read.error.issues[0];
  throw new CliError(
    "INVALID_EXPORT",
    `"${path}" is no manifest of an export that this Medley can read: ${problem?.path.join(".") || "the whole"}: ${problem?.message}. Expected format "medley-export", version 1.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
