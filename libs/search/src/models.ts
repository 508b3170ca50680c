import type { Inference, ModelInfo, Role } from "@medley/inference-api";
import type { Space } from "@medley/storage";
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
 * The retrieval model that is served, when it is the one that built the space: vectors of two models are never compared.
 * @throws SearchError MODEL_MISSING, MODEL_MISMATCH; InferenceError when the engine does not answer
 */
export async function requireModelOf(space: Space, inference: Inference): Promise<ModelInfo> {
  const model = requireModel(await inference.models(), "retrieval");
  if (model.fingerprint === space.fingerprint) return model;
  const found = `The retrieval model "${model.name}" has fingerprint ${model.fingerprint}`;
  const expected = `the space "${space.name}" was built with ${space.fingerprint}`;
  const hint = "Serve the model that built the space, or build a space for this one: medley reindex";
  throw new SearchError("MODEL_MISMATCH", `${found}, but ${expected}. ${hint}`);
}
