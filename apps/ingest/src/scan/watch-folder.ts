import { stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { IngestError } from "../ingest-error.ts";
import { mapInOrder } from "../map-in-order.ts";
import type { Finding } from "./finding.ts";
import { findingOf, type FolderEntry, listEntries } from "./scan-folder.ts";

/** What one look found to be new, changed or gone since the looks before. */
export interface WatchRound {
  /** In the order of `scanFolder`; may be read once. */
  readonly findings: AsyncIterable<Finding>;
  readonly found: number;
  /** Paths that were there and are not any more. */
  readonly removed: readonly string[];
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Called once when the folder itself cannot be read, and again after it could be read in between. */
  readonly onUnreadable: (error: IngestError) => void;
  /** Between two looks; a file that did not change for so long is taken. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 2_000;
/** A look at a large folder or a slow mount may take long: then it is taken less often, so that looking costs a sixth of the time at most. */
const REST_PER_LOOK = 5;
const CONCURRENT_LOOKS = 16;
/** Begins the state of a subfolder that could not be listed: when it can be again, nothing was removed. */
const UNREADABLE = "unreadable";

/**
 * Looks at a folder again and again until the signal fires, and yields what is to be brought in. It polls: events of the file system do
 * not arrive from network mounts, and on Linux each subfolder costs one of a limited number of watches. A file counts once two looks one
 * after the other found it the same (size, times of content and of name, and those of its text), so that one that is still being written waits.
 * Whoever reads this may take as long as it likes for a round; what happens meanwhile is in the next.
 */
export async function* watchFolder(folder: string, options: WatchOptions): AsyncGenerator<WatchRound> {
  const { signal, sleep, intervalMs = INTERVAL_MS } = options;
  const taken = new Map<string, string>();
  let before = new Map<string, string>();
  let readable = true;
  while (!signal.aborted) {
    const started = performance.now();
    const look = await lookAt(folder, signal);
    if (signal.aborted) return;
    if (look instanceof IngestError) {
      if (readable) options.onUnreadable(look);
      readable = false;
    } else {
      readable = true;
      const settled = look.entries.filter(({ entry: { path }, state }) => {
        return before.get(path) === state && taken.get(path) !== state;
      });
      before = new Map(look.entries.map(({ entry, state }) => [entry.path, state]));
      const gone = [...taken.keys()].filter((path) => !before.has(path) && !look.isHiddenNow(path));
      const removed = gone.filter((path) => !taken.get(path)?.startsWith(UNREADABLE) && !look.sidecars.has(path));
      for (const { entry, state } of settled) taken.set(entry.path, state);
      for (const path of gone) taken.delete(path);
      if (settled.length > 0 || removed.length > 0) {
        const findings = examineAll(settled.map(({ entry }) => entry));
        yield { findings, found: settled.length, removed };
      }
    }
    const lookMs = performance.now() - started;
    await sleep(Math.max(intervalMs, REST_PER_LOOK * lookMs), signal);
  }
}

/** Throws IngestError where there is no folder to watch, before anything is begun. */
export async function requireFolder(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
  const message = `"${path}" is no folder, and only a folder can be watched. Give a folder, or leave --watch out.`;
  throw new IngestError("SOURCE_UNSUPPORTED", message);
}

interface Look {
  readonly entries: readonly { readonly entry: FolderEntry; readonly state: string }[];
  /** A text that was there before its picture is no longer an entry of its own, and yet not removed. */
  readonly sidecars: ReadonlySet<string>;
  /** Whether the path lies in a subfolder that cannot be read at the moment: that it is not seen does not mean that it is gone. */
  readonly isHiddenNow: (path: string) => boolean;
}

async function lookAt(folder: string, signal: AbortSignal): Promise<Look | IngestError> {
  const entries: Look["entries"][number][] = [];
  const sidecars = new Set<string>();
  try {
    const looks = mapInOrder(listEntries(folder), CONCURRENT_LOOKS, async (entry) => {
      return { entry, state: await stateOf(entry) };
    });
    for await (const { entry, state } of looks) {
      if (signal.aborted) break;
      if (entry.kind === "unreadable" && entry.path === folder) return entry.error;
      // Gone between the listing and the look: the next listing will not have it.
      if (state === undefined) continue;
      entries.push({ entry, state });
      if (entry.kind === "entry" && entry.sidecar) sidecars.add(join(dirname(entry.path), basename(entry.sidecar)));
    }
  } catch (error) {
    if (error instanceof IngestError) return error;
    throw error;
  }
  const unreadable = entries.flatMap(({ entry }) => (entry.kind === "unreadable" ? [entry.path + sep] : []));
  return { entries, sidecars, isHiddenNow: (path) => unreadable.some((prefix) => path.startsWith(prefix)) };
}

/** Changes whenever the file or its text does; undefined when it has gone. */
async function stateOf(entry: FolderEntry): Promise<string | undefined> {
  if (entry.kind === "unreadable") return `${UNREADABLE} ${entry.error.code}`;
  const files = entry.sidecar === undefined ? [entry.file] : [entry.file, entry.sidecar];
  const states = await Promise.all(files.map(fileState));
  // A link to nothing stays a link to nothing, and is reported as one.
  return states[0] === undefined && entry.type !== "link" ? undefined : states.join(" ");
}

async function fileState(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found && `${found.size}:${found.mtimeMs}:${found.ctimeMs}`;
}

async function* examineAll(entries: readonly FolderEntry[]): AsyncGenerator<Finding> {
  for (const entry of entries) yield await findingOf(entry);
}
