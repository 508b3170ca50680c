import { existsSync } from "node:fs";
import type { Settings } from "@medley/config";
import { createLocalInference, type ItmToken, type ModelSet, openModelSet } from "@medley/inference";
import type { Inference } from "@medley/inference-api";
import { CliError, errorRecord } from "../cli-error.ts";
import { findPulledModel, listPulledModels } from "../hub/pulled-models.ts";
import { listRegisteredModels, type RegisteredModel } from "./registered-models.ts";
import type { PictureStores, ResourceSettings } from "./worker-resources.ts";

/** A batch command has no caller who waits: only a stuck engine shall ever meet this limit. */
const DEADLINE_MS = 3_600_000;

export interface EngineOptions {
  /** Checkpoint folder or file, a medley.models.json, or a name of `medley models list`; the model set when absent. */
  readonly model?: string;
  readonly itmToken?: ItmToken;
  /** For commands that name pictures by sha256, so that their image tokens are computed once. */
  readonly stores?: PictureStores;
}

/** Opens models in this process. Throws BlipError, CheckpointError or CliError that says what is wrong with them. */
export async function openEngine(settings: Settings, options: EngineOptions): Promise<Inference> {
  const resources: ResourceSettings = {
    maxPixels: settings.maxPixels,
    ...(options.stores && { stores: options.stores }),
  };
  const path = options.model === undefined ? settings.modelsFile : await findModel(settings, options.model);
  return createLocalInference({
    modelSet: await openModelSet(path, options.itmToken ? { itmToken: options.itmToken } : {}),
    resources: { url: new URL("./worker-resources.ts", import.meta.url).href, settings: resources },
    graphDirectory: settings.graphDirectory,
    executionProviders: settings.executionProviders,
    defaultDeadlineMs: DEADLINE_MS,
    ...(settings.inferenceWorkers !== undefined && { workers: settings.inferenceWorkers }),
    ...(settings.inferenceThreads !== undefined && { threadsPerWorker: settings.inferenceThreads }),
  });
}

/** Path of a model that a person named; see findNamedModel. */
export async function findModel(settings: Settings, model: string): Promise<string> {
  return (await findNamedModel(settings, model)).path;
}

/** A checkpoint, and where it was found by it the row that it was registered under. */
export interface NamedModel {
  readonly path: string;
  readonly registered?: RegisteredModel;
}

/** A model by its path, the id that it was pulled under, its name in the model set, or the name that it was registered under. */
export async function findNamedModel(settings: Settings, model: string): Promise<NamedModel> {
  if (existsSync(model)) return { path: model };
  const pulled = findPulledModel(settings, model);
  if (pulled) return { path: pulled.path };
  const set: ModelSet | undefined = await openModelSet(settings.modelsFile).catch(() => undefined);
  const models = [...(set?.roles.values() ?? [])];
  const named = models.find(({ name }) => name === model);
  if (named) return { path: named.path };
  let notLooked = "";
  const registered = await listRegisteredModels(settings).catch((error: unknown) => {
    notLooked = ` Registered models could not be looked up: ${errorRecord(error).message}`;
    return [];
  });
  const found = registered.find(({ name }) => name === model);
  if (found) return { path: found.checkpoint, registered: found };
  const names = [
    ...models.map(({ name }) => name),
    ...listPulledModels(settings).map(({ id }) => id),
    ...registered.map(({ name }) => name),
  ];
  const known = [...new Set(names)].map((name) => `"${name}"`).join(", ") || "none";
  throw new CliError(
    "MODEL_NOT_FOUND",
    `There is no checkpoint "${model}", and no model of that name (there are: ${known}).${notLooked}`,
  );
}
