import { createVectorIndex } from "@medley/storage";
import type { IngestContext } from "./ingest-context.ts";

// Below these sizes comparing every vector is exact and quick enough. The embedded database builds an index several times slower
// and serves nobody meanwhile, so it waits longer.
const MINIMUM_ROWS_TO_INDEX = { server: 20_000, embedded: 100_000 } as const;

/** Load first, index afterwards: a bulk build runs several times faster than adding rows to an index. */
export async function indexLargeSpace(
  context: IngestContext,
  spaceId: string,
  onNote: (note: string) => void,
): Promise<void> {
  const minimumRows = MINIMUM_ROWS_TO_INDEX[context.db.kind];
  const { created, rows } = await createVectorIndex(context.db, spaceId, { minimumRows });
  if (created) onNote(`Searches of this space now use a vector index (${rows} pictures).`);
}
