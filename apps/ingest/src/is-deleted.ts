import { type Database, findCorpusById } from "@medley/storage";

/** Whether the corpus is gone, so that whatever failed in it failed for that. False as well where that cannot be asked. */
export async function isDeleted(db: Database, corpusId: string): Promise<boolean> {
  return (await findCorpusById(db, corpusId).catch(() => "unknown")) === null;
}
