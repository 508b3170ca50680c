import { setTimeout as wait } from "node:timers/promises";
import type { Supervised } from "./supervisor.ts";

export interface TakeOverOptions {
  /** Whether the server of the other command answers. */
  readonly isAlive: () => Promise<boolean>;
  /** Starts one of our own at the same place. */
  readonly start: () => Supervised;
  readonly onNote: (note: string) => void;
  /** Between two looks. */
  readonly lookEveryMs?: number;
  /** How long the other command may take to bring it back. */
  readonly patienceMs?: number;
}

/** A server that belongs to another command, and the own one in its place when that command is gone. */
export interface Borrowed extends AsyncDisposable {
  /** Rejects when the own one dies again and again; never resolves. */
  readonly lost: Promise<never>;
}

const LOOK_EVERY_MS = 2_000;
// A command whose server was killed starts it again after 0.5, 1, 2 and 4 s.
const PATIENCE_MS = 15_000;

/**
 * Watches a server that another command of this installation started. It ends with that command, and whoever worked with it would wait for nobody: after
 * `patienceMs` without an answer one of our own is started where it was. When that fails, because the other one has come back, the watch goes on.
 */
export function borrowServer(options: TakeOverOptions): Borrowed {
  const { isAlive, start, onNote, lookEveryMs = LOOK_EVERY_MS, patienceMs = PATIENCE_MS } = options;
  const stop = new AbortController();
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  let own: Supervised | undefined;

  const watch = async (): Promise<void> => {
    let missingSince: number | undefined;
    while (!stop.signal.aborted) {
      await wait(lookEveryMs, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      if (await isAlive()) missingSince = undefined;
      else missingSince ??= performance.now();
      if (missingSince === undefined || performance.now() - missingSince < patienceMs) continue;
      if (stop.signal.aborted) return;
      onNote("The inference server of another command is gone. Starting one in its place.");
      own = start();
      const started = await own.listening.then(
        () => true,
        () => false,
      );
      if (started) {
        own.lost.catch(lost.reject);
        return;
      }
      await own.stop();
      own = undefined;
      missingSince = undefined;
    }
  };
  const watching = watch().catch(lost.reject);
  return {
    lost: lost.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await own?.stop();
      await watching;
    },
  };
}
