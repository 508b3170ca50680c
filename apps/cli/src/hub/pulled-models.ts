import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Settings } from "@medley/config";

/** Written last into the folder of a pulled model: where it is from, and that all of it is there. */
export const SOURCE_FILE = "medley.source.json";

const sourceSchema = z.object({
  id: z.string(),
  hub: z.string(),
  commit: z.string(),
  files: z.record(z.string(), z.string()),
});

export type ModelSource = Readonly<z.infer<typeof sourceSchema>>;

export interface PulledModel extends ModelSource {
  readonly path: string;
}

/** Owner and name of a model on a hub, such as "Salesforce/blip-itm-base-coco", or the name alone. */
export function isModelId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/.test(text) && !text.includes("..");
}

export function pulledModelFolder(settings: Settings, id: string): string {
  return join(settings.modelDirectory, id.replace("/", "--"));
}

/** The model with this id when it has been pulled completely. */
export function findPulledModel(settings: Settings, id: string): PulledModel | undefined {
  return isModelId(id) ? readSource(pulledModelFolder(settings, id)) : undefined;
}

export function listPulledModels(settings: Settings): PulledModel[] {
  if (!existsSync(settings.modelDirectory)) return [];
  const folders = readdirSync(settings.modelDirectory).sort();
  return folders.flatMap((folder) => readSource(join(settings.modelDirectory, folder)) ?? []);
}

function readSource(path: string): PulledModel | undefined {
  try {
    const source = sourceSchema.safeParse(JSON.parse(readFileSync(join(path, SOURCE_FILE), "utf8"))).data;
    return source && { ...source, path };
  } catch {
    return undefined;
  }
}
