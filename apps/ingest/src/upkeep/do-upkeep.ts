import { findCorpus, findOperation, isUpkeep } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import { runUpkeep } from "./run-upkeep.ts";

/** Between two looks at an upkeep that another worker has in hand. */
const LOOK_MS = 1_000;

/** Does the named upkeep, or waits until the worker that has it in hand is done with it. Resolves with the exit status. */
export async function doUpkeep(
  context: IngestContext,
  {
    corpus = "",
    operation = "",
    json,
  }: { readonly corpus?: string; readonly operation?: string; readonly json: boolean },
): Promise<number> {
  const { id: corpusId } = (await findCorpus(context.db, corpus)) ?? {};
  const found = await findOperation(context.db, operation);
  if (corpusId === undefined || found?.corpusId !== corpusId || !isUpkeep(found.kind)) {
    console.error(
      `Corpus "${corpus}" has no operation "${operation}" to do. Begin with: medley reindex --corpus ${corpus}`,
    );
    return 1;
  }
  const onNote = (note: string) => console.error(`Note: ${corpus}: ${note}`);
  const onProgress = (counts: object) => {
    if (json) process.stdout.write(`${JSON.stringify({ operationId: operation, ...counts })}\n`);
  };
  let saysPaused = true;
  while (!context.signal.aborted) {
    await runUpkeep(context, { corpusId, operationId: operation }, { onNote, onProgress });
    const ended = await retryTransient(() => findOperation(context.db, operation), context.retry);
    if (ended?.state === "SUCCEEDED") return 0;
    const present = await retryTransient(() => findCorpus(context.db, corpus), context.retry);
    if (present?.id !== corpusId)
      console.error(`Corpus "${corpus}" was deleted meanwhile; nothing of it is left to do.`);
    if (ended === null || ended.finishedAt !== null || present?.id !== corpusId) return 1;
    if (saysPaused && present.pausedAt) {
      onNote(`The corpus is paused. Go on with: medley steps resume --corpus ${corpus}`);
      saysPaused = false;
    }
    await context.retry.sleep(LOOK_MS, context.signal);
  }
  console.error("Stopped before the end. Run the same command again to go on.");
  return 1;
}
