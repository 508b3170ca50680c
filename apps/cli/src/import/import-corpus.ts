import { join } from "node:path";
import {
  corporaToClear,
  type Database,
  findCorpus,
  importLedgerLines,
  importLedgerPointers,
  LEDGER_KINDS,
  ledgerHead,
  type LedgerKind,
  listCorpora,
  nameProblem,
  planSteps,
  type Queryable,
} from "@medley/storage";
import type { BlobStore } from "@medley/storage/picture-stores";
import { CliError } from "../cli-error.ts";
import { corpusPages } from "../export/corpus-pages.ts";
import { ledgerDigest, readLedger } from "../export/ledger-file.ts";
import { LEDGER_NAME, type Manifest } from "../export/manifest.ts";
import { restorePictures } from "./restore-pictures.ts";
import { verifyExport } from "./verify-export.ts";

export interface ImportRequest {
  readonly directory: string;
  /** What the corpus is called here; by default as in the export. */
  readonly name?: string | undefined;
}

export interface Imported {
  readonly corpus: string;
  /** False: the same corpus was here already, and nothing was added to it. */
  readonly added: boolean;
  readonly pictures: number;
  readonly captions: number;
  /** Pictures whose bytes were new to this installation. */
  readonly restoredPictures: number;
}

/** Lines that are saved at a time; the captions of one picture stay together. */
const BATCH_LINES = 2_000;
/** As the database has it. */
const LONGEST_NAME = 200;

/**
 * Restores an export with its own ids and times, all of it or nothing. Embeddings are not part of an export: the pictures' steps are planned, and
 * the ingest worker computes them again.
 * @throws CliError INVALID_EXPORT, DAMAGED_FILE, CORPUS_TAKEN, PICTURES_MISSING
 */
export async function importCorpus(
  { db, blobs }: { db: Database; blobs: BlobStore },
  { directory, name }: ImportRequest,
): Promise<Imported> {
  const problem = name === undefined ? null : nameProblem(name, LONGEST_NAME);
  if (problem !== null) throw new CliError("WRONG_USAGE", `The corpus name "${name}" ${problem}.`, { exitCode: 2 });
  const manifest = await verifyExport(directory);
  const corpus = { corpusId: manifest.corpus.id, name: name ?? manifest.corpus.name };
  const { pictures, captions } = manifest.counts;
  const ledger = join(directory, LEDGER_NAME);
  const isHere = await isSameCorpusHere(db, corpus, ledger);
  const restoredPictures = await restoreShards(directory, manifest, blobs);
  const outcome = { corpus: corpus.name, pictures, captions, restoredPictures };
  if (isHere) return { ...outcome, added: false };
  const missing = await db.transaction(async (tx) => {
    const missing = await importLedger(tx, corpus, ledger, blobs);
    if (missing > manifest.missingPictures.length) throw picturesMissing(directory, manifest, missing);
    await planSteps(tx, { corpusId: corpus.corpusId, spaceId: null, steps: ["prepare"] });
    return missing;
  });
  // An image of the same bytes may have been deleted, and the file with it, while nobody could see these rows yet. (lockBlobs would
  // hold it off, but takes a lock for each picture.) From now on no file that they need is removed.
  if ((await countMissing(ledger, blobs)) > missing) await restoreShards(directory, manifest, blobs);
  return { ...outcome, added: true };
}

async function restoreShards(directory: string, { files }: Manifest, blobs: BlobStore): Promise<number> {
  let restored = 0;
  for (const { name } of files) if (name.endsWith(".tar")) restored += await restorePictures(directory, name, blobs);
  return restored;
}

async function countMissing(ledger: string, blobs: BlobStore): Promise<number> {
  let missing = 0;
  for await (const line of readLedger(ledger)) {
    const { kind, sha256 } = readLine(line);
    if (kind === "image" && !(await blobs.has(sha256 ?? ""))) missing += 1;
  }
  return missing;
}

type CorpusHere = { readonly corpusId: string; readonly name: string };

/** Whether exactly this corpus is here under this name. A corpus that is only partly the same is refused. */
async function isSameCorpusHere(db: Database, { corpusId, name }: CorpusHere, ledger: string): Promise<boolean> {
  const named = await findCorpus(db, name);
  const other = (await listCorpora(db)).find(({ id }) => id === corpusId);
  if ((await corporaToClear(db)).includes(corpusId)) {
    const message = `This corpus was deleted in this installation, and is still being removed. Wait until that has ended (medley corpus delete goes on with it), then import it.`;
    throw new CliError("CORPUS_TAKEN", message);
  }
  if (named === null && other === undefined) return false;
  if (named === null) {
    const message = `This corpus is in this installation already, as "${other?.name}". Leave --corpus out, or import it into another MEDLEY_HOME.`;
    throw new CliError("CORPUS_TAKEN", message);
  }
  if (named.id === corpusId) {
    const [here, there] = [await ledgerDigest(ledgerOf(db, corpusId)), await ledgerDigest(readLedger(ledger))];
    if (here === there) return true;
  }
  const message = `There is a corpus "${name}" with other content than the export. Nothing was imported; choose another name with --corpus${named.id === corpusId ? ", in another MEDLEY_HOME: it is the same corpus, which has changed since" : ""}.`;
  throw new CliError("CORPUS_TAKEN", message);
}

async function* ledgerOf(db: Queryable, corpusId: string): AsyncGenerator<string> {
  yield* await ledgerHead(db, corpusId);
  for await (const page of corpusPages(db, corpusId)) yield* page.ledgerLines;
}

/** Adds the rows of a ledger. Returns how many of its pictures have no bytes in the store. */
async function importLedger(db: Queryable, corpus: CorpusHere, ledger: string, blobs: BlobStore): Promise<number> {
  let batch = new Map<LedgerKind, string[]>();
  let lines = 0;
  let missing = 0;
  let corpusLine: string | undefined;
  const save = async () => {
    for (const kind of LEDGER_KINDS) await importLedgerLines(db, corpus, { kind, lines: batch.get(kind) ?? [] });
    [batch, lines] = [new Map(), 0];
  };
  for await (const line of readLedger(ledger)) {
    const { kind, id, sha256 } = readLine(line);
    if (kind === "corpus") {
      if (corpusLine !== undefined || id !== corpus.corpusId) throw foreignLine(line);
      corpusLine = line;
    }
    if (kind === "image") {
      if (lines >= BATCH_LINES) await save();
      if (!(await blobs.has(sha256 ?? ""))) missing += 1;
    }
    batch.set(kind, [...(batch.get(kind) ?? []), line]);
    lines += 1;
  }
  await save();
  if (corpusLine === undefined) throw new CliError("INVALID_EXPORT", `"${ledger}" names no corpus. Export again.`);
  await importLedgerPointers(db, corpusLine);
  return missing;
}

function readLine(line: string): { kind: LedgerKind; id?: string; sha256?: string } {
  const read = parseJson(line) as { kind?: unknown; id?: string; sha256?: string } | null | undefined;
  const kind = LEDGER_KINDS.find((each) => each === read?.kind);
  if (!kind) throw foreignLine(line);
  return { ...read, kind };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function foreignLine(line: string): CliError {
  const message = `The ledger has a line that does not belong there: "${line.slice(0, 80).toWellFormed()}". Expected an object of one of the kinds ${LEDGER_KINDS.join(", ")}, and one corpus. Nothing was imported; export again.`;
  return new CliError("INVALID_EXPORT", message);
}

function picturesMissing(directory: string, { all }: Manifest, missing: number): CliError {
  const why = all ? "" : ` It holds only the pictures with kept captions: export again with --all.`;
  return new CliError(
    "PICTURES_MISSING",
    `The bytes of ${missing} pictures are neither in "${directory}" nor in this installation. Nothing was imported.${why}`,
  );
}
