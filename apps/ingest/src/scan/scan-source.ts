import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { IngestError } from "../ingest-error.ts";
import type { Finding } from "./finding.ts";
import { readManifest } from "./read-manifest.ts";
import { scanFolder } from "./scan-folder.ts";

/** Yields what a folder, a manifest (CSV, TSV, JSONL) or a single picture file holds. Throws IngestError for anything else. */
export async function openSource(path: string): Promise<AsyncIterable<Finding>> {
  const found = await stat(path).catch((error: unknown) => {
    const message = `There is no folder or file "${path}". Give a folder of pictures, or a manifest (.csv, .tsv, .jsonl).`;
    throw new IngestError("SOURCE_NOT_FOUND", message, { cause: error });
  });
  if (found.isDirectory()) return scanFolder(path);
  if (/\.(csv|tsv|jsonl|ndjson)$/i.test(path)) return readManifest(path);
  if (/\.(tar|tgz|parquet|json|zip|xlsx)(\.gz)?$/i.test(path)) {
    const hint = "Give a folder of pictures, or a manifest (.csv, .tsv, .jsonl).";
    throw new IngestError("SOURCE_UNSUPPORTED", `"${path}" is of a kind that is not read yet. ${hint}`);
  }
  return singleFile(path);
}

async function* singleFile(path: string): AsyncGenerator<Finding> {
  yield { kind: "file", path, file: resolve(path), attributes: {} };
}
