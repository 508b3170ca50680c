import type { Settings } from "@medley/config";
import { type Corpus, type Database, findCorpus, openDatabase } from "@medley/storage";
import { CliError } from "./cli-error.ts";
import { databaseOptions } from "./database-options.ts";

/** For commands that may come before the first pictures: a name with a mistake in it looks the same to them. */
export function describeNewCorpus(name: string): string {
  return `Corpus "${name}" is new: it has no pictures yet.`;
}

/** Opens the database for as long as the work on a corpus takes. Throws CliError CORPUS_NOT_FOUND when there is none of that name. */
export async function withCorpus<T>(
  settings: Settings,
  name: string,
  work: (db: Database, corpus: Corpus) => Promise<T>,
): Promise<T> {
  await using db = await openDatabase(databaseOptions(settings));
  const corpus = await findCorpus(db, name);
  if (corpus) return await work(db, corpus);
  throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${name}". Ingest into it first.`);
}
