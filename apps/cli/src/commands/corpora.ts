import { setTimeout as wait } from "node:timers/promises";
import type { Settings } from "@medley/config";
import {
  clearDeletedCorpora,
  countCorpus,
  type Database,
  deleteCorpus,
  findCorpus,
  findOperation,
  listCorpora,
  openDatabase,
  openDeletionOf,
} from "@medley/storage";
import { openPictureStores } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { note, writeLine, writeRecord } from "../output.ts";

/** Between two looks while another process removes the rows. */
const POLL_MS = 500;
/** Of the corpus, between two notes. */
const PICTURES_PER_NOTE = 1_000;

/** Prints the corpora of this installation, one a line. */
export async function printCorpora(settings: Settings, { json }: { readonly json: boolean }): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  for (const { id, name, createdAt, pausedAt } of await listCorpora(db)) {
    const { images, captions } = await countCorpus(db, id);
    if (json) await writeRecord({ id, name, images, captions, createdAt, pausedAt });
    else await writeLine(`${name}: ${images} pictures, ${captions} captions${pausedAt === null ? "" : "; paused"}`);
  }
}

interface Deletion {
  readonly corpusId: string;
  readonly operationId: string | null;
}

/**
 * Deletes a corpus and waits until its rows and files are gone. Without `yes` it says what would go, and deletes nothing. Of one that is deleted already it goes
 * on with what is left.
 */
export async function removeCorpus(
  settings: Settings,
  name: string,
  { yes, json }: { readonly yes: boolean; readonly json: boolean },
): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  const corpus = await findCorpus(db, name);
  const deletion = corpus === null ? await openDeletionOf(db, name) : await hide(db, corpus, yes);
  if (deletion === null) {
    throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${name}". Those that there are: medley corpus list.`);
  }
  if (corpus === null) note(`Corpus "${name}" is deleted already. Removing what is left of it.`);
  const isOver = await clear(db, settings, deletion);
  const operation = deletion.operationId === null ? null : await findOperation(db, deletion.operationId);
  const imagesDeleted = operation?.counts["imagesDeleted"] ?? 0;
  if (json) await writeRecord({ corpus: name, ...deletion, imagesDeleted });
  if (!isOver) throw new CliError("STOPPED", "Stopped before the end. Run the same command again to go on.");
  if (!json) note(`${imagesDeleted} pictures of "${name}" were removed.`);
}

async function hide(db: Database, { id, name }: { id: string; name: string }, yes: boolean): Promise<Deletion> {
  const { images, captions, humanCaptions } = await countCorpus(db, id);
  const holds = `${images} pictures and ${captions} captions, ${humanCaptions} of them written by people`;
  if (!yes) {
    const message = `Corpus "${name}" holds ${holds}. Nothing was deleted: add --yes to delete it for ever.`;
    throw new CliError("NOT_CONFIRMED", message);
  }
  const operation = await db.transaction((tx) => deleteCorpus(tx, id));
  note(`Corpus "${name}" is gone. Removing ${holds}; stopped, the same command or the ingest worker goes on.`);
  return { corpusId: id, operationId: operation.id };
}

/** False when it was stopped by a signal. */
async function clear(db: Database, settings: Settings, { corpusId, operationId }: Deletion): Promise<boolean> {
  const files = { ...openPictureStores(settings), tokens: openTokenStore({ directory: settings.tokenDirectory }) };
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
  let shown = 0;
  const onBatch = (ofCorpus: string, imagesDeleted: number) => {
    if (ofCorpus !== corpusId || imagesDeleted - shown < PICTURES_PER_NOTE) return;
    shown = imagesDeleted;
    note(`${imagesDeleted} pictures removed.`);
  };
  const isOpen = async () =>
    operationId !== null && ((await findOperation(db, operationId))?.finishedAt ?? null) === null;
  try {
    do {
      // Where a worker is at it already, that one is waited for.
      if (!(await clearDeletedCorpora(db, files, { onBatch, signal: stop.signal }))) await wait(POLL_MS);
    } while (!stop.signal.aborted && (await isOpen()));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The corpus is deleted, but not all that is left of it can be removed: ${reason}. The ingest worker tries again every minute.`;
    throw new CliError("FILES_LEFT", message, { cause: error });
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  }
  return !stop.signal.aborted || !(await isOpen());
}
