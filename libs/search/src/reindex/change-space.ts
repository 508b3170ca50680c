import type { Inference, ModelInfo, ModelToLoad } from "@medley/inference-api";
import {
  type Database,
  ensureSpace,
  findSpace,
  type Operation,
  requestReindex,
  saveModel,
  type Space,
  spaceToRollBackTo,
  switchSpace,
  activeSpace,
} from "@medley/storage";
import { SearchError } from "../errors.ts";
import { requireModelOf, spaceOf } from "../models.ts";

interface Dependencies {
  readonly db: Database;
  readonly inference: Inference;
}

/**
 * Has the engine serve one more model, and remembers it, so that it is served again after a restart.
 * @throws InferenceError where it cannot be loaded; StorageError CONFLICT where another model has the name
 */
export async function registerModel(
  { db, inference }: Dependencies,
  model: ModelToLoad & { readonly name: string },
): Promise<ModelInfo> {
  const { checkpoint, name } = model;
  const loaded = await inference.loadModel(model);
  const { fingerprint, itcWeight } = loaded;
  await saveModel(db, { fingerprint, name, checkpoint, itcWeight });
  return loaded;
}

/**
 * Opens the operation that moves a corpus into the space of a model that is served.
 * @throws StorageError CONFLICT where it is there already, has no space, or is being moved
 */
export async function requestReindexTo(
  { db }: Pick<Dependencies, "db">,
  { corpusId, model, forced }: { readonly corpusId: string; readonly model: ModelInfo; readonly forced: boolean },
): Promise<Operation> {
  const { id: spaceId } = await ensureSpace(db, spaceOf(model));
  return await db.transaction((tx) => requestReindex(tx, { corpusId, spaceId, forced }));
}

/**
 * Lets the space before answer again, in one transaction. It has gone on being filled, so that nothing is missing; where something is, because its model
 * was not served for a while, only a forced change goes through.
 * @throws SearchError NO_ACTIVE_SPACE, MODEL_MISMATCH; StorageError CONFLICT where the space changed meanwhile
 */
export async function rollBackSpace(
  dependencies: Dependencies,
  { corpusId, forced }: { readonly corpusId: string; readonly forced: boolean },
): Promise<{ readonly space: Space; readonly switched: boolean; readonly missing: number }> {
  const { db } = dependencies;
  const active = await activeSpace(db, corpusId);
  const spaceId = await spaceToRollBackTo(db, corpusId);
  const space = spaceId === null ? null : await findSpace(db, spaceId);
  if (active === null || space === null) {
    throw new SearchError("NO_ACTIVE_SPACE", "The corpus has no other space to go back to: none stands by.");
  }
  await requireModelOf(dependencies, space);
  const mayMiss = forced ? Number.MAX_SAFE_INTEGER : 0;
  const change = { corpusId, fromSpaceId: active.id, spaceId: space.id, mayMiss };
  return { space, ...(await db.transaction((tx) => switchSpace(tx, change))) };
}
