import { appendFile, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";
import { hashFile } from "./hash-file.ts";
import { LOCK_NAMES, lockFolder } from "./lock-folder.ts";
import { MANIFEST_NAME, readManifest } from "./manifest.ts";
import { DRAFT_ENDING, explainDisk, type FileRecord, writeSealed } from "./sealed-output.ts";

/** Names finished shards while an export is under way; the manifest takes its place in the end. */
const JOURNAL_NAME = "export-under-way.jsonl";
/** All that there may be of an export that was killed before it could say whose it is. */
const LEFT_BY_KILLED: ReadonlySet<string> = new Set([...LOCK_NAMES, `${JOURNAL_NAME}${DRAFT_ENDING}`]);
const SHARD_NAME = /^(pairs|pictures)-\d{6}\.tar$/;

/** What of an export is on the disk already, from this run or one that was interrupted. */
export interface FinishedFiles extends AsyncDisposable {
  /** The file of that name when it was made from the same contents and is unharmed. */
  readonly find: (name: string, contents: string) => Promise<FileRecord | null>;
  readonly add: (file: FileRecord) => Promise<void>;
  /** Removes shards of an earlier export that are not among these: a reader takes every shard that it finds. */
  readonly removeOthers: (files: readonly FileRecord[]) => Promise<void>;
  /** Ends it, once there is a manifest. */
  readonly finish: () => Promise<void>;
}

/**
 * Begins or goes on with the export of a corpus into a folder. From here on until the end it has no manifest, so that nobody takes it for complete.
 * Until it is disposed no other export can write there.
 * @throws CliError FOLDER_TAKEN when something else is in the folder, FOLDER_LOCKED when another export is under way there
 */
export async function openFinishedFiles(directory: string, corpusId: string): Promise<FinishedFiles> {
  await explainDisk(directory, () => makeFolder(directory));
  // Before something is written into a folder of others; and again when nobody can change it any more.
  await filesOfEarlier(directory, corpusId);
  await using opening = new AsyncDisposableStack();
  opening.use(await lockFolder(directory));
  const journal = join(directory, JOURNAL_NAME);
  const known = await filesOfEarlier(directory, corpusId);
  const lines = [{ corpusId }, ...known].map((line) => `${JSON.stringify(line)}\n`).join("");
  await writeSealed(directory, JOURNAL_NAME, lines);
  await rm(join(directory, MANIFEST_NAME), { force: true });
  await removeDrafts(directory);
  const files = new Map(known.map((file) => [file.name, file]));
  const open = opening.move();
  return {
    async find(name, contents) {
      const file = files.get(name);
      if (file?.contents !== contents) return null;
      return (await hashFile(join(directory, name))) === file.sha256 ? file : null;
    },
    async add(file) {
      files.set(file.name, file);
      await explainDisk(journal, () => appendFile(journal, `${JSON.stringify(file)}\n`, { flush: true }));
    },
    async removeOthers(kept) {
      const keep = new Set(kept.map(({ name }) => name));
      for (const name of await shardsIn(directory)) if (!keep.has(name)) await rm(join(directory, name));
    },
    finish: () => rm(journal),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** What an export of this corpus has left in the folder, whole or interrupted. Throws CliError FOLDER_TAKEN. */
async function filesOfEarlier(directory: string, corpusId: string): Promise<FileRecord[]> {
  const names = (await readdir(directory)).filter((name) => !LEFT_BY_KILLED.has(name));
  const manifest = await readManifest(directory);
  const earlier = names.includes(JOURNAL_NAME) ? await readJournal(join(directory, JOURNAL_NAME)) : undefined;
  const owner = earlier?.corpusId ?? manifest?.corpus.id;
  if (names.length > 0 && owner !== corpusId) {
    const what = owner === undefined ? "holds other files" : `holds the export of another corpus (${owner})`;
    throw new CliError("FOLDER_TAKEN", `"${directory}" ${what}. Choose a folder that is empty or does not exist yet.`);
  }
  return [...(manifest?.files ?? []), ...(earlier?.files ?? [])];
}

async function readJournal(path: string): Promise<{ corpusId: string; files: FileRecord[] } | undefined> {
  const [first, ...lines] = (await readFile(path, "utf8")).split("\n");
  const corpusId = (parseLine(first) as { corpusId?: unknown } | undefined)?.corpusId;
  if (typeof corpusId !== "string") return undefined;
  // The last line may have been cut off; what it named is written again.
  const files = lines.map(parseLine).filter((line): line is FileRecord => line !== undefined);
  return { corpusId, files };
}

function parseLine(line: string | undefined): unknown {
  try {
    return line ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}

async function shardsIn(directory: string): Promise<string[]> {
  const inside = await readdir(join(directory, "pictures")).catch(() => []);
  const names = [...(await readdir(directory)), ...inside.map((name) => `pictures/${name}`)];
  return names.filter((name) => SHARD_NAME.test(name.slice(name.lastIndexOf("/") + 1)));
}

async function removeDrafts(directory: string): Promise<void> {
  for (const folder of [directory, join(directory, "pictures")]) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (name.endsWith(DRAFT_ENDING)) await rm(join(folder, name), { force: true });
  }
}
