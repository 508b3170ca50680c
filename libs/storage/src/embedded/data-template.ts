import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";

// Creating a database costs 4 s of one core, copying an empty one 0.1 s. Test runs create dozens: they name a folder in
// MEDLEY_DATABASE_TEMPLATE, and the first one to come leaves an empty database there for all that follow.

/** Makes `data` a copy of the empty database kept in `templates`, which is created when it is missing. */
export async function copyTemplate(templates: string, data: string): Promise<void> {
  const template = join(templates, `pglite-${pgliteVersion()}`);
  if (!existsSync(template)) await createTemplate(template);
  // Copied beside its place and renamed, so that a killed copy is never taken for a database.
  const draft = `${data}.draft`;
  rmSync(draft, { recursive: true, force: true });
  cpSync(template, draft, { recursive: true });
  renameSync(draft, data);
}

async function createTemplate(template: string): Promise<void> {
  mkdirSync(dirname(template), { recursive: true });
  const draft = mkdtempSync(`${template}-`);
  const engine = await PGlite.create({ dataDir: draft, extensions: { vector } });
  await engine.close();
  try {
    renameSync(draft, template);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(template)) throw error;
  }
}

function pgliteVersion(): string {
  const manifest = new URL("../package.json", import.meta.resolve("@electric-sql/pglite"));
  return (JSON.parse(readFileSync(fileURLToPath(manifest), "utf8")) as { version: string }).version;
}
