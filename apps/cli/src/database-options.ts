import type { Settings } from "@medley/config";
import type { OpenDatabaseOptions } from "@medley/storage";

/** Where the database of this installation is. */
export function databaseOptions(settings: Settings): OpenDatabaseOptions {
  const { home, databaseUrl, databaseMaxConnections: maxConnections } = settings;
  return { home, databaseUrl, maxConnections };
}
