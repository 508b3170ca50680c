import type { Settings } from "@medley/config";
import { findCorpus, openDatabase } from "@medley/storage";
import { openPictureStores } from "@medley/storage/picture-stores";
import { CliError } from "../cli-error.ts";
import { exportCorpus } from "../export/export-corpus.ts";
import { importCorpus } from "../import/import-corpus.ts";
import { note, writeLine, writeRecord } from "../output.ts";

export interface ExportOptions {
  readonly corpus: string;
  readonly to: string;
  readonly all: boolean;
  readonly shardSize: number;
  readonly json: boolean;
}

/** Pictures between two lines about the progress. */
const NOTED_PICTURES = 10_000;

/** Writes a corpus as a data set into a folder. */
export async function runExport(
  settings: Settings,
  { corpus, to, all, shardSize, json }: ExportOptions,
): Promise<void> {
  await using db = await openDatabase({ databaseUrl: settings.databaseUrl, home: settings.home, log: note });
  const found = await findCorpus(db, corpus);
  if (!found) throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${corpus}".`);
  const source = {
    db,
    ...openPictureStores(settings),
  };
  let noted = 0;
  const manifest = await exportCorpus(source, {
    corpus: found,
    directory: to,
    all,
    samplesEach: shardSize,
    onProgress({ pictures, captions }) {
      if (pictures < noted + NOTED_PICTURES) return;
      noted = pictures;
      note(`${pictures} pictures, ${captions} captions`);
    },
  });
  const { counts, files, missingPictures } = manifest;
  if (missingPictures.length > 0) {
    note(
      `${missingPictures.length} pictures are left out of the shards, because their bytes are gone: see "missingPictures" in the manifest.`,
    );
  }
  if (json) {
    await writeRecord({
      corpus,
      directory: to,
      all,
      counts,
      missingPictures: missingPictures.length,
      files: files.length,
    });
    return;
  }
  const shards = files.filter(({ name }) => name.endsWith(".tar")).length;
  await writeLine(
    `${to}: ${counts.kept} of ${counts.captions} captions are kept, ${counts.samples} samples, ${shards} shards.`,
  );
  await writeLine(
    `Open report.html to see what was kept and why. Embeddings are not exported: an import computes them again.`,
  );
}

export interface ImportOptions {
  readonly corpus?: string;
  readonly json: boolean;
}

/** Restores an export into this installation. */
export async function runImport(settings: Settings, directory: string, { corpus, json }: ImportOptions): Promise<void> {
  await using db = await openDatabase({ databaseUrl: settings.databaseUrl, home: settings.home, log: note });
  const { blobs } = openPictureStores(settings);
  const imported = await importCorpus({ db, blobs }, { directory, name: corpus });
  if (json) {
    await writeRecord(imported);
    return;
  }
  const { pictures, captions, added } = imported;
  const what = `${pictures} pictures and ${captions} captions`;
  await writeLine(
    added
      ? `Corpus "${imported.corpus}": ${what} restored. Embeddings are computed again by medley start, or by the next medley ingest into it.`
      : `Corpus "${imported.corpus}" is here already with the same ${what}: nothing was added.`,
  );
}
