import { setTimeout as wait } from "node:timers/promises";
import type { Settings } from "@medley/config";
import {
  clearDeletedCorpora,
  countCorpus,
  deleteCorpus,
  findOperation,
  listCorpora,
  openDatabase,
} from "@medley/storage";
import { openPictureStores } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { withCorpus } from "../with-corpus.ts";

/** Between two looks while another process removes the rows. */
const POLL_MS = 500;

/** Prints the corpora of this installation, one a line. */
export async function printCorpora(settings: Settings, { json }: { readonly json: boolean }): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  for (const { id, name, createdAt, pausedAt } of await listCorpora(db)) {
    const { images, captions } = await countCorpus(db, id);
    if (json) await writeRecord({ id, name, images, captions, createdAt, pausedAt });
    else await writeLine(`${name}: ${images} pictures, ${captions} captions${pausedAt === null ? "" : "; paused"}`);
  }
}

/** Deletes a corpus and waits until its rows and files are gone. Without `yes` it says what would go, and deletes nothing. */
export async function removeCorpus(
  settings: Settings,
  name: string,
  { yes, json }: { readonly yes: boolean; readonly json: boolean },
): Promise<void> {
  await withCorpus(settings, name, async (db, { id }) => {
    const { images, captions, humanCaptions } = await countCorpus(db, id);
    const holds = `${images} pictures and ${captions} captions, ${humanCaptions} of them written by people`;
    if (!yes) {
      const message = `Corpus "${name}" holds ${holds}. Nothing was deleted: add --yes to delete it for ever.`;
      throw new CliError("NOT_CONFIRMED", message);
    }
    const files = { ...openPictureStores(settings), tokens: openTokenStore({ directory: settings.tokenDirectory }) };
    const { id: operationId } = await db.transaction((tx) => deleteCorpus(tx, id));
    note(`Corpus "${name}" is gone. Removing ${holds}; stopped, whatever works next in this installation goes on.`);
    const stop = new AbortController();
    const onSignal = () => stop.abort();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
    let shown = 0;
    const onBatch = (_corpusId: string, imagesDeleted: number) => {
      if (imagesDeleted - shown < 1_000) return;
      shown = imagesDeleted;
      note(`${imagesDeleted} of ${images} pictures removed.`);
    };
    // Where a worker is at it already, that one is waited for.
    while (!stop.signal.aborted && (await findOperation(db, operationId))?.finishedAt === null) {
      if (!(await clearDeletedCorpora(db, files, { onBatch, signal: stop.signal }))) await wait(POLL_MS);
    }
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
    const removed = (await findOperation(db, operationId))?.counts["imagesDeleted"] ?? 0;
    if (json) await writeRecord({ corpus: name, corpusId: id, operationId, imagesDeleted: removed });
    else note(`${removed} pictures of "${name}" were removed.`);
  });
}
