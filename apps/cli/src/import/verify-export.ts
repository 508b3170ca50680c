import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { hashFile } from "../export/hash-file.ts";
import { LEDGER_NAME, type Manifest, MANIFEST_NAME, readManifest } from "../export/manifest.ts";

/**
 * The manifest of a complete, unharmed export: every file is there with its SHA-256.
 * @throws CliError INVALID_EXPORT, DAMAGED_FILE
 */
export async function verifyExport(directory: string): Promise<Manifest> {
  const manifest = await readManifest(directory);
  if (manifest === null) {
    const message = `"${directory}" has no ${MANIFEST_NAME}. Expected a folder that medley export has written to its end; run the export again, it goes on where it stopped.`;
    throw new CliError("INVALID_EXPORT", message);
  }
  if (!manifest.files.some(({ name }) => name === LEDGER_NAME)) {
    throw new CliError("INVALID_EXPORT", `The manifest of "${directory}" names no ${LEDGER_NAME}. Export again.`);
  }
  for (const file of manifest.files) await verifyFile(directory, file);
  return manifest;
}

async function verifyFile(directory: string, { name, bytes, sha256 }: Manifest["files"][number]): Promise<void> {
  const path = join(directory, name);
  const damaged = (found: string) =>
    new CliError(
      "DAMAGED_FILE",
      `"${path}" ${found}. Nothing was imported. Copy that file again from the original export.`,
    );
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isFile()) throw damaged("is missing");
  if (facts.size !== bytes) throw damaged(`has ${facts.size} bytes, the manifest says ${bytes}`);
  const found = await hashFile(path);
  if (found !== sha256) throw damaged(`has the SHA-256 ${found}, the manifest says ${sha256}`);
}
