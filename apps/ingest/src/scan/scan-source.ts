import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { PictureFetcher } from "@medley/fetch";
import { IngestError } from "../ingest-error.ts";
import { fetchPictures } from "./fetch-pictures.ts";
import type { Finding, FoundUrl } from "./finding.ts";
import { readManifest } from "./read-manifest.ts";
import { readParquet } from "./read-parquet.ts";
import { readTar } from "./read-tar.ts";
import { readZip } from "./read-zip.ts";
import { scanFolder } from "./scan-folder.ts";

const EXPECTED =
  "Give a folder of pictures, an archive (.tar, .tar.gz, .zip), or a manifest (.csv, .tsv, .jsonl, .parquet).";

export interface SourceOptions {
  /** Largest picture that is taken. */
  readonly maxBytes: number;
  /** For pictures that a manifest names by URL. */
  readonly fetcher: PictureFetcher;
  /** Ends the fetching early. */
  readonly signal: AbortSignal;
}

/**
 * Yields what a folder, an archive (tar, WebDataset shard, ZIP), a manifest (CSV, TSV, JSONL, Parquet) or a single picture file holds.
 * Throws IngestError for anything else, and for a source that holds nothing or cannot be read from its beginning.
 */
export async function openSource(path: string, options: SourceOptions): Promise<AsyncIterable<Finding>> {
  const found = await stat(path).catch((error: unknown) => {
    const message = `There is no folder or file "${path}". ${EXPECTED}`;
    throw new IngestError("SOURCE_NOT_FOUND", message, { cause: error });
  });
  if (found.isDirectory()) return await begun(path, scanFolder(path));
  if (/\.(csv|tsv|jsonl|ndjson)$/i.test(path)) return await openManifest(path, readManifest(path), options);
  if (/\.parquet$/i.test(path)) return await openManifest(path, readParquet(path, options), options);
  if (/\.(tar|tgz|tar\.gz)$/i.test(path)) return await begun(path, readTar(path, options));
  if (/\.zip$/i.test(path)) return await begun(path, readZip(path, options));
  if (/\.(json|xlsx|7z|rar|bz2|xz|zst)$/i.test(path)) {
    throw new IngestError("SOURCE_UNSUPPORTED", `"${path}" is of a kind that is not read. ${EXPECTED}`);
  }
  return singleFile(path);
}

async function openManifest(path: string, rows: AsyncGenerator<Finding | FoundUrl>, options: SourceOptions) {
  return fetchPictures(await begun(path, rows), options.fetcher, options.signal);
}

/** The same findings, once the first is there: a source that gives none is a mistake, and is told before anything is begun. */
async function begun<Found>(path: string, findings: AsyncGenerator<Found>): Promise<AsyncGenerator<Found>> {
  const first = await findings.next();
  if (first.done) {
    const message = `"${path}" holds no file and no row (hidden names are passed over). ${EXPECTED}`;
    throw new IngestError("EMPTY_SOURCE", message);
  }
  return (async function* () {
    try {
      yield first.value;
      yield* findings;
    } finally {
      await findings.return(undefined);
    }
  })();
}

async function* singleFile(path: string): AsyncGenerator<Finding> {
  yield { kind: "file", path, file: resolve(path), attributes: {} };
}
