/** Turns at asking servers. Whoever takes one gives it back by disposing of it. */
export interface HostSlots {
  /** Waits for a turn, in the order of asking among those for one host. Rejects with the signal's reason. */
  take(hostname: string, signal: AbortSignal): Promise<Disposable>;
}

interface Waiting {
  readonly hostname: string;
  readonly start: () => void;
}

/** At most `maxPerHost` turns at one host and `maxTotal` at all. A host that is busy holds up nobody who waits for another. */
export function createHostSlots({ maxPerHost, maxTotal }: { maxPerHost: number; maxTotal: number }): HostSlots {
  const running = new Map<string, number>();
  let total = 0;
  let queue: readonly Waiting[] = [];

  function isFree(hostname: string): boolean {
    return total < maxTotal && (running.get(hostname) ?? 0) < maxPerHost;
  }
  function occupy(hostname: string): Disposable {
    total += 1;
    running.set(hostname, (running.get(hostname) ?? 0) + 1);
    let held = true;
    return {
      [Symbol.dispose]() {
        if (!held) return;
        held = false;
        total -= 1;
        const left = (running.get(hostname) ?? 1) - 1;
        if (left > 0) running.set(hostname, left);
        else running.delete(hostname);
        startNext();
      },
    };
  }
  function startNext(): void {
    const next = queue.find(({ hostname }) => isFree(hostname));
    if (!next) return;
    queue = queue.filter((waiting) => waiting !== next);
    next.start();
  }
  return {
    async take(hostname, signal) {
      signal.throwIfAborted();
      if (isFree(hostname)) return occupy(hostname);
      return await new Promise<Disposable>((resolve, reject) => {
        const giveUp = () => {
          queue = queue.filter((waiting) => waiting !== mine);
          reject(signal.reason as Error);
        };
        const mine: Waiting = {
          hostname,
          start: () => {
            signal.removeEventListener("abort", giveUp);
            resolve(occupy(hostname));
          },
        };
        queue = [...queue, mine];
        signal.addEventListener("abort", giveUp, { once: true });
      });
    },
  };
}
