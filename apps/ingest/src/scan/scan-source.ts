import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { IngestError } from "../ingest-error.ts";
import type { ArchiveLimits } from "./archive-sample.ts";
import type { Finding } from "./finding.ts";
import { readManifest } from "./read-manifest.ts";
import { readTar } from "./read-tar.ts";
import { readZip } from "./read-zip.ts";
import { scanFolder } from "./scan-folder.ts";

const EXPECTED = "Give a folder of pictures, an archive (.tar, .tar.gz, .zip), or a manifest (.csv, .tsv, .jsonl).";

/**
 * Yields what a folder, an archive (tar, WebDataset shard, ZIP), a manifest (CSV, TSV, JSONL) or a single picture file holds. Throws
 * IngestError for anything else.
 */
export async function openSource(path: string, limits: ArchiveLimits): Promise<AsyncIterable<Finding>> {
  const found = await stat(path).catch((error: unknown) => {
    const message = `There is no folder or file "${path}". ${EXPECTED}`;
    throw new IngestError("SOURCE_NOT_FOUND", message, { cause: error });
  });
  if (found.isDirectory()) return scanFolder(path);
  if (/\.(csv|tsv|jsonl|ndjson)$/i.test(path)) return readManifest(path);
  if (/\.(tar|tgz|tar\.gz)$/i.test(path)) return readTar(path, limits);
  if (/\.zip$/i.test(path)) return readZip(path, limits);
  if (/\.(parquet|json|xlsx|7z|rar|bz2|xz|zst)$/i.test(path)) {
    throw new IngestError("SOURCE_UNSUPPORTED", `"${path}" is of a kind that is not read. ${EXPECTED}`);
  }
  return singleFile(path);
}

async function* singleFile(path: string): AsyncGenerator<Finding> {
  yield { kind: "file", path, file: resolve(path), attributes: {} };
}
