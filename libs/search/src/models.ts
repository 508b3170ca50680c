import type { ModelInfo, Role } from "@medley/inference-api";
import { SearchError } from "./errors.ts";

/** The model that serves a role; an error that names the role when the model set has none. */
export function requireModel(models: readonly ModelInfo[], role: Role): ModelInfo {
  const model = models.find((candidate) => candidate.role === role);
  if (model !== undefined) return model;
  const served = models.map((candidate) => candidate.role).join(", ") || "none";
  const hint = "Add one to the model set (medley.models.json).";
  throw new SearchError("MODEL_MISSING", `No model serves the role "${role}" (served: ${served}). ${hint}`);
}
