import type { Seen, Versioned } from "@medley/storage";
import { createNewest } from "./newest.ts";

export interface RowWatchOptions<Row> {
  /** The rows that have changed since they were seen. */
  readonly read: (seen: readonly Seen[]) => Promise<Versioned<Row>[]>;
  /** Whether nothing will change any more; the row's watchers get it and end. */
  readonly isFinal: (row: Row) => boolean;
  readonly intervalMs: number;
  readonly onError: (error: unknown) => void;
}

export interface RowWatch<Row> {
  /** The row as it is now, then every change, newer in place of older ones that nobody took yet. Null when there is no such row. */
  readonly watch: (id: string) => Promise<AsyncIterableIterator<Row> | null>;
  /** How many watchers there are. */
  readonly watchers: () => number;
}

interface Watcher<Row> {
  readonly id: string;
  seen: string;
  readonly offer: (versioned: Versioned<Row>) => void;
}

/**
 * Watches rows of a table for any number of watchers by one statement for each interval, and only while there are any. It asks the table instead of
 * being told: that works on both databases, whichever process writes, and no change can be missed.
 */
export function createRowWatch<Row extends { readonly id: string }>(options: RowWatchOptions<Row>): RowWatch<Row> {
  const { read, isFinal, intervalMs, onError } = options;
  const watchers = new Set<Watcher<Row>>();
  let timer: NodeJS.Timeout | null = null;

  async function look(): Promise<void> {
    // Two watchers of a row may have seen different versions of it; whoever has seen the newest is not told again.
    const seen = [...watchers].map(({ id, seen: version }) => ({ id, version }));
    for (const versioned of await read(seen)) {
      for (const watcher of watchers) {
        if (watcher.id === versioned.row.id && watcher.seen !== versioned.version) watcher.offer(versioned);
      }
    }
  }

  function lookAgain(): void {
    if (timer !== null || watchers.size === 0) return;
    timer = setTimeout(() => {
      void look()
        .catch(onError)
        .finally(() => {
          timer = null;
          lookAgain();
        });
    }, intervalMs);
    timer.unref();
  }

  async function watch(id: string): Promise<AsyncIterableIterator<Row> | null> {
    const [first] = await read([{ id, version: "" }]);
    if (!first) return null;
    const newest = createNewest<Row>(() => void watchers.delete(watcher));
    const watcher: Watcher<Row> = {
      id: first.row.id,
      seen: first.version,
      offer({ row, version }) {
        watcher.seen = version;
        newest.offer(row);
        if (isFinal(row)) newest.finish();
      },
    };
    watchers.add(watcher);
    watcher.offer(first);
    lookAgain();
    return newest.events;
  }
  return { watch, watchers: () => watchers.size };
}
