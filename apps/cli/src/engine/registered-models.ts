import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "@medley/config";
import { listModels, openDatabase, type RegisteredModel } from "@medley/storage";
import { databaseOptions } from "../database-options.ts";

export type { RegisteredModel };

/** The models that registerModel or a reindex has registered, by name. An embedded database that there is not yet is not made for it. */
export async function listRegisteredModels(settings: Settings): Promise<RegisteredModel[]> {
  if (settings.databaseUrl === undefined && !existsSync(join(settings.home, "database"))) return [];
  await using db = await openDatabase(databaseOptions(settings));
  return await listModels(db);
}
