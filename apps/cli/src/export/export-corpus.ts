import {
  activeFilterPolicy,
  type Database,
  type ExportedCaption,
  type ExportedImage,
  ledgerHead,
  ledgerStamp,
  schemaVersion,
} from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/picture-stores";
import { CliError } from "../cli-error.ts";
import { corpusPages } from "./corpus-pages.ts";
import { openFinishedFiles } from "./finished-files.ts";
import { LedgerOutput } from "./ledger-file.ts";
import { LEDGER_NAME, type Manifest, MANIFEST_NAME, manifestText, TABLE_NAME } from "./manifest.ts";
import { endingOf, pairRecord, pictureRecord, questionsOf } from "./pair-record.ts";
import { PairsTable } from "./pairs-table.ts";
import { addPicture, beginReport, endReport } from "./report/collect-report.ts";
import { writeReport } from "./report/write-report.ts";
import { writeSealed } from "./sealed-output.ts";
import { openShards, type Sample } from "./shards.ts";

export interface ExportSource {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly thumbnails: VariantStore;
}

export interface ExportRequest {
  readonly corpus: { readonly id: string; readonly name: string };
  readonly directory: string;
  /** Also the bytes of pictures without a kept caption, and every caption in the table. */
  readonly all: boolean;
  readonly samplesEach: number;
  readonly onProgress?: (done: { readonly pictures: number; readonly captions: number }) => void;
}

/**
 * Writes a corpus as a data set. The same corpus gives the same bytes; shards that an interrupted export has finished are not written again.
 * The manifest is written last: a folder that has one is complete.
 * @throws CliError CORPUS_CHANGED, DISK_FULL, FOLDER_TAKEN, FOLDER_LOCKED, DAMAGED_PICTURE
 */
export async function exportCorpus(source: ExportSource, request: ExportRequest): Promise<Manifest> {
  const { db, blobs } = source;
  const { corpus, directory, all, samplesEach } = request;
  await using finished = await openFinishedFiles(directory, corpus.id);
  const stamp = await ledgerStamp(db, corpus.id);
  const target = { directory, samplesEach, blobs, finished };
  const pairs = openShards({ ...target, prefix: "pairs-" });
  const pictures = openShards({ ...target, prefix: "pictures/pictures-" });
  const report = beginReport(corpus.name, await activeFilterPolicy(db, corpus.id));
  const counts = { pictures: 0, captions: 0, kept: 0, samples: 0, picturesInShards: 0, ledgerLines: 0 };
  const missingPictures: string[] = [];
  await using ledger = await LedgerOutput.open(directory, LEDGER_NAME);
  await using table = await PairsTable.open(directory, TABLE_NAME);
  const head = await ledgerHead(db, corpus.id);
  await ledger.write(head);
  for await (const page of corpusPages(db, corpus.id)) {
    await ledger.write(page.ledgerLines);
    for (const { image, captions } of page.pictures) {
      const kept = captions.filter(({ verdict }) => verdict === "KEPT");
      const isThere = await blobs.has(image.sha256);
      const samples = isThere ? samplesOf(image, kept) : [];
      for (const sample of samples) await pairs.add(sample);
      if (all && isThere && samples.length === 0) await pictures.add(pictureAlone(image));
      for (const caption of all ? captions : kept)
        await table.add({ ...pairRecord(image, caption), text: caption.text });
      if (!isThere) missingPictures.push(image.sha256);
      counts.pictures += 1;
      counts.captions += captions.length;
      counts.kept += kept.length;
      counts.samples += samples.length;
      counts.picturesInShards += isThere && (all || samples.length > 0) ? 1 : 0;
      addPicture(report, image, captions);
    }
    request.onProgress?.(counts);
  }
  const shards = [...(await pairs.end()), ...(await pictures.end())];
  counts.ledgerLines = ledger.lines;
  if ((await ledgerStamp(db, corpus.id)) !== stamp) throw corpusChanged(corpus.name);
  const files = [
    ...shards,
    await ledger.seal(),
    await table.seal(),
    ...(await writeReport(source, directory, endReport(report))),
  ].sort((one, other) => (one.name < other.name ? -1 : 1));
  const manifest: Manifest = {
    format: "medley-export",
    version: 1,
    schema: await schemaVersion(db),
    corpus: { id: corpus.id, name: corpus.name },
    all,
    shardSize: samplesEach,
    counts,
    ...modelsOf(head),
    missingPictures,
    embeddings: "not exported",
    files,
  };
  await finished.removeOthers(files);
  await writeSealed(directory, MANIFEST_NAME, manifestText(manifest));
  await finished.finish();
  return manifest;
}

/** One sample for each text that is kept: what two captioners wrote alike counts once, for the first of them. */
function samplesOf(image: ExportedImage, kept: readonly ExportedCaption[]): Sample[] {
  const byText = new Map<string, ExportedCaption[]>();
  for (const caption of kept) {
    const text = caption.text.trim();
    byText.set(text, [...(byText.get(text) ?? []), caption]);
  }
  const questions = questionsOf(image);
  return [...byText.values()].flatMap(([caption, ...alike], index) => {
    if (!caption) return [];
    const detail = {
      ...pairRecord(image, caption),
      ...(alike.length > 0 && { captionsOfSameText: alike.map(({ id }) => id) }),
      // With the first text only: a question counts once however many captions its picture has.
      ...(index === 0 && questions && { questions }),
    };
    return [{ ...pictureOf(image, `${image.sha256.slice(0, 16)}-${caption.id}`), text: caption.text, detail }];
  });
}

function pictureAlone(image: ExportedImage): Sample {
  return { ...pictureOf(image, image.sha256), text: null, detail: pictureRecord(image) };
}

function pictureOf(image: ExportedImage, key: string) {
  return { key, ending: endingOf(image), sha256: image.sha256 };
}

function modelsOf(head: readonly string[]): Pick<Manifest, "captioners" | "filters"> {
  const models = { captioners: new Map<string, string>(), filters: new Map<string, string>() };
  for (const line of head) {
    const read = JSON.parse(line) as Record<string, string>;
    if (read["kind"] === "run")
      models.captioners.set(String(read["captionerFingerprint"]), String(read["captionerName"]));
    if (read["kind"] === "policy") models.filters.set(String(read["filterFingerprint"]), String(read["filterName"]));
  }
  const listed = (found: ReadonlyMap<string, string>) =>
    [...found]
      .map(([fingerprint, name]) => ({ name, fingerprint }))
      .sort((one, other) => (one.fingerprint < other.fingerprint ? -1 : 1));
  return { captioners: listed(models.captioners), filters: listed(models.filters) };
}

function corpusChanged(name: string): CliError {
  const message = `Corpus "${name}" changed while it was exported, so that its pages do not belong together. Let ingest and CapFilt come to their end, then export again: shards that stay the same are kept.`;
  return new CliError("CORPUS_CHANGED", message);
}
