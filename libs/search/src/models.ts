import type { Inference, ModelInfo, Role } from "@medley/inference-api";
import { activeSpace, findModel, type NewSpace, type Queryable, type Space } from "@medley/storage";
import { SearchError } from "./errors.ts";

/** The model that serves a role; an error that names the role when the model set has none. */
export function requireModel(models: readonly ModelInfo[], role: Role): ModelInfo {
  const model = models.find((candidate) => candidate.role === role);
  if (model !== undefined) return model;
  const served = models.map((candidate) => candidate.role).join(", ") || "none";
  const hint = "Add one to the model set (medley.models.json).";
  throw new SearchError("MODEL_MISSING", `No model serves the role "${role}" (served: ${served}). ${hint}`);
}

/**
 * The model that built the space: vectors of two models are never compared. One that was registered and is not served, after a restart of the
 * inference server, is loaded.
 * @throws SearchError MODEL_MISSING, MODEL_MISMATCH; InferenceError when the engine does not answer
 */
export async function requireModelOf(
  {
    db,
    inference,
    served: asked = inference.models(),
  }: {
    readonly db: Queryable;
    readonly inference: Inference;
    /** What the engine serves, where it was asked already. */
    readonly served?: Promise<readonly ModelInfo[]>;
  },
  space: Space,
): Promise<ModelInfo> {
  const served = await asked;
  const own = requireModel(served, "retrieval");
  const model = servedModelOf(served, space) ?? (await loadModelOf({ db, inference }, space));
  if (model !== null) return model;
  const found = `The retrieval model "${own.name}" has fingerprint ${own.fingerprint}`;
  const expected = `the space "${space.name}" was built with ${space.fingerprint}`;
  const hint = "Serve the model that built the space, or build a space for this one: medley reindex";
  throw new SearchError("MODEL_MISMATCH", `${found}, but ${expected}. ${hint}`);
}

/** Among the models that are served, the one that built the space. */
export function servedModelOf(served: readonly ModelInfo[], { fingerprint }: Space): ModelInfo | null {
  return served.find((model) => model.role === "retrieval" && model.fingerprint === fingerprint) ?? null;
}

/**
 * Has the engine serve the registered model that built the space; null when none is registered, or it is another one by now.
 * @throws InferenceError when the engine does not answer, or cannot load the checkpoint
 */
export async function loadModelOf(
  { db, inference }: { readonly db: Queryable; readonly inference: Inference },
  { fingerprint }: Space,
): Promise<ModelInfo | null> {
  const registered = await findModel(db, fingerprint);
  if (registered === null) return null;
  const { checkpoint, name, itcWeight } = registered;
  const model = await inference.loadModel({ checkpoint, name, itcWeight });
  return model.fingerprint === fingerprint ? model : null;
}

/**
 * The model that built the space which answers for a corpus, where it can be served; otherwise the retrieval model of the set.
 * @throws SearchError MODEL_MISSING; InferenceError when the engine does not answer
 */
export async function modelFor(
  { db, inference }: { readonly db: Queryable; readonly inference: Inference },
  corpusId: string,
): Promise<ModelInfo> {
  const space = await activeSpace(db, corpusId);
  const served = await inference.models();
  const builder = space && (servedModelOf(served, space) ?? (await loadModelOf({ db, inference }, space)));
  return builder ?? requireModel(served, "retrieval");
}

/**
 * The space that a model builds.
 * @throws SearchError MODEL_MISSING where it does not embed
 */
export function spaceOf({ fingerprint, name, imageSizePixels, embeddingDimensions }: ModelInfo): NewSpace {
  if (embeddingDimensions === null) {
    throw new SearchError("MODEL_MISSING", `The model "${name}" does not embed pictures, so that it builds no space.`);
  }
  return { fingerprint, name, dimensions: embeddingDimensions, preprocessing: { imageSizePixels } };
}
