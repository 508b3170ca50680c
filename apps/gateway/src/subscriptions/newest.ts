export interface Newest<Event> {
  /** What is offered, for one reader. */
  readonly events: AsyncIterableIterator<Event>;
  /** Takes the place of an event that the reader has not taken yet. */
  readonly offer: (event: Event) => void;
  /** The reader gets what waits, and then the end. */
  readonly finish: () => void;
}

/**
 * Events of which only the newest counts: whoever reads slowly misses those in between, and nothing ever queues.
 * @param onEnd  called once, when the reader goes away or `finish` is called
 */
export function createNewest<Event>(onEnd: () => void): Newest<Event> {
  let waiting: { readonly event: Event } | null = null;
  let phase: "open" | "finished" | "left" = "open";
  let wake: (() => void) | null = null;

  function end(how: "finished" | "left"): void {
    const first = phase === "open";
    if (phase !== "left") phase = how;
    if (how === "left") waiting = null;
    wake?.();
    if (first) onEnd();
  }
  const events: AsyncIterableIterator<Event> = {
    async next() {
      while (waiting === null && phase === "open") {
        const woken = Promise.withResolvers<void>();
        wake = woken.resolve;
        await woken.promise;
        wake = null;
      }
      if (waiting === null) return { done: true, value: undefined };
      const { event } = waiting;
      waiting = null;
      return { done: false, value: event };
    },
    async return() {
      end("left");
      return { done: true, value: undefined };
    },
    async throw(error) {
      end("left");
      throw error;
    },
    [Symbol.asyncIterator]() {
      return events;
    },
  };
  return {
    events,
    offer(event) {
      if (phase !== "open") return;
      waiting = { event };
      wake?.();
    },
    finish: () => end("finished"),
  };
}
