import type { Settings } from "@medley/config";
import { findCorpus, listNearDuplicates, type NearDuplicatePair, openDatabase } from "@medley/storage";
import { CliError } from "../cli-error.ts";
import { databaseOptions } from "../database-options.ts";
import { note, writeLine, writeRecord } from "../output.ts";

const PAGE = 1_000;

/** Prints the pairs of pictures that look the same, one a line. */
export async function printDuplicates(
  settings: Settings,
  { corpus, json }: { readonly corpus: string; readonly json: boolean },
): Promise<void> {
  await using db = await openDatabase(databaseOptions(settings));
  const found = await findCorpus(db, corpus);
  if (!found) throw new CliError("CORPUS_NOT_FOUND", `There is no corpus "${corpus}". Ingest into it first.`);
  let pairs = 0;
  for (let after: NearDuplicatePair | null = null; ; ) {
    const page: NearDuplicatePair[] = await listNearDuplicates(db, found.id, { after, limit: PAGE });
    for (const pair of page) await (json ? writeRecord(pair) : writeLine(describePair(pair)));
    pairs += page.length;
    if (page.length < PAGE) break;
    after = page.at(-1) ?? null;
  }
  note(`Corpus "${corpus}": ${pairs} pairs of pictures that look the same.`);
}

function describePair({ imageId, origin, otherId, otherOrigin, hashDistance, itcCosine }: NearDuplicatePair): string {
  const numbers = `${hashDistance} bits differ, itcCosine ${itcCosine.toFixed(3)}`;
  return `${origin ?? imageId} and ${otherOrigin ?? otherId}: ${numbers}`;
}
