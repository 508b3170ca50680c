import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, parse, sep } from "node:path";
import { fileError, IngestError } from "../ingest-error.ts";
import type { Finding } from "./finding.ts";

/** A caption beside a picture is a sentence or a paragraph; more than this is another kind of file. */
const MAX_SIDECAR_BYTES = 65_536;

/**
 * Yields the files of a folder and its subfolders, depth first and by name. Hidden names (starting with a dot) are passed
 * over. `name.txt` or `name.jpg.txt` beside `name.jpg` is its text and no file of its own. Links to files inside the folder
 * are followed; links to folders (which could loop) and out of the folder are reported.
 */
export async function* scanFolder(folder: string, reportedAs = folder): AsyncGenerator<Finding> {
  for await (const entry of listEntries(folder, reportedAs)) yield await findingOf(entry);
}

/** Something in a folder that would be looked at, before it is. */
export type FolderEntry =
  | {
      readonly kind: "entry";
      readonly path: string;
      readonly file: string;
      /** Real path of the scanned folder; nothing outside it is read. */
      readonly root: string;
      readonly type: "file" | "link" | "other";
      /** The file of its text. */
      readonly sidecar?: string;
    }
  | { readonly kind: "unreadable"; readonly path: string; readonly file: string; readonly error: IngestError };

/** The names alone, in the order of `scanFolder`: nothing is opened but folders. */
export async function* listEntries(folder: string, reportedAs = folder): AsyncGenerator<FolderEntry> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw fileError(reportedAs, error);
  });
  yield* walk({ root, folder: root, reportedAs });
}

interface Place {
  readonly root: string;
  readonly folder: string;
  readonly reportedAs: string;
}

async function* walk(place: Place): AsyncGenerator<FolderEntry> {
  const entries = await listFolder(place.folder);
  if (entries instanceof IngestError) {
    yield { kind: "unreadable", path: place.reportedAs, file: place.folder, error: entries };
    return;
  }
  const sidecars = findSidecars(entries);
  const sidecarNames = new Set(sidecars.values());
  for (const entry of entries) {
    if (entry.name.startsWith(".") || sidecarNames.has(entry.name)) continue;
    const path = join(place.reportedAs, entry.name);
    const file = join(place.folder, entry.name);
    if (entry.isDirectory()) {
      yield* walk({ root: place.root, folder: file, reportedAs: path });
    } else {
      const sidecar = sidecars.get(entry.name);
      const type = entry.isSymbolicLink() ? "link" : entry.isFile() ? "file" : "other";
      const found = { kind: "entry", path, file, root: place.root, type } as const;
      yield sidecar === undefined ? found : { ...found, sidecar: join(place.folder, sidecar) };
    }
  }
}

async function listFolder(folder: string): Promise<Dirent[] | IngestError> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (error) {
    return fileError(folder, error);
  }
}

/** Name of a picture → name of its text file. */
function findSidecars(entries: readonly Dirent[]): Map<string, string> {
  const texts = new Set(entries.filter((entry) => entry.isFile() && isText(entry.name)).map(({ name }) => name));
  const found = new Map<string, string>();
  for (const { name } of entries) {
    if (isText(name)) continue;
    const sidecar = [`${name}.txt`, `${parse(name).name}.txt`].find((candidate) => texts.has(candidate));
    if (sidecar) found.set(name, sidecar);
  }
  return found;
}

function isText(name: string): boolean {
  return name.toLowerCase().endsWith(".txt");
}

/** Looks at one entry: whether it may be read, and its text. */
export async function findingOf(entry: FolderEntry): Promise<Finding> {
  const { path, file } = entry;
  if (entry.kind === "unreadable") return { kind: "rejected", path, file, error: entry.error };
  const error =
    entry.type === "link"
      ? await examineLink(entry.root, path, file)
      : entry.type === "file"
        ? undefined
        : new IngestError("NOT_A_FILE", `"${path}" is a pipe, socket or device, expected a picture file.`);
  if (error) return { kind: "rejected", path, file, error };
  const webText = entry.sidecar === undefined ? undefined : await readSidecar(entry.sidecar);
  return { kind: "file", path, file, attributes: {}, ...(webText !== undefined && { webText }) };
}

async function examineLink(root: string, path: string, file: string): Promise<IngestError | undefined> {
  try {
    const target = await realpath(file);
    if (target !== root && !target.startsWith(root.endsWith(sep) ? root : root + sep)) {
      return new IngestError(
        "LINK_OUTSIDE",
        `"${path}" is a link out of the folder, to "${target}". It is not followed.`,
      );
    }
    if ((await stat(target)).isDirectory()) {
      return new IngestError("LINK_TO_FOLDER", `"${path}" is a link to a folder that is read under its own name.`);
    }
    return undefined;
  } catch (error) {
    return fileError(path, error);
  }
}

/** The text on one line, or undefined when there is none to speak of. */
async function readSidecar(file: string): Promise<string | undefined> {
  const size = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  if (size === 0 || size > MAX_SIDECAR_BYTES) return undefined;
  const text = await readFile(file, "utf8").catch(() => "");
  return (
    text
      .replace(/^\uFEFF/, "")
      .replace(/\s+/g, " ")
      .trim() || undefined
  );
}
