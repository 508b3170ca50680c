/** Where the line goes: standard error, or a test. */
export interface ProgressOutput {
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds that never go backwards. */
  readonly clock: () => number;
}

/** On a terminal the line is written over; in a log each is a line of its own and must be rare. */
const TERMINAL_INTERVAL_MS = 200;
const LOG_INTERVAL_MS = 10_000;

export interface ProgressLine {
  /** `what` names the step; another name begins another step. */
  readonly show: (what: string, done: number, total: number) => void;
}

/** Says how far a step is, how fast it goes and how long the rest takes; and at its end how long it took. */
export function createProgressLine({ isTerminal, write, clock }: ProgressOutput): ProgressLine {
  let step: { readonly what: string; readonly startedAt: number; readonly doneAtStart: number } | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(what, done, total) {
      const now = clock();
      if (step?.what !== what) {
        // The first report comes when something is done already: the rate counts from there.
        step = { what, startedAt: now, doneAtStart: done };
        shownAt = Number.NEGATIVE_INFINITY;
      }
      const isEnd = done >= total;
      if (!isEnd && now - shownAt < (isTerminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS)) return;
      shownAt = now;
      const line = describe(step, done, total, now);
      if (isTerminal) write(`\r\u001b[K${line}${isEnd ? "\n" : ""}`);
      else write(`${line}\n`);
    },
  };
}

function describe(
  { what, startedAt, doneAtStart }: { what: string; startedAt: number; doneAtStart: number },
  done: number,
  total: number,
  now: number,
): string {
  const seconds = (now - startedAt) / 1000;
  const rate = seconds > 0 ? (done - doneAtStart) / seconds : 0;
  const speed = rate > 0 ? `, ${rate < 10 ? rate.toFixed(2) : rate.toFixed(0)} a second` : "";
  if (done >= total) return `${what}: ${total} in ${duration(seconds)}${speed}`;
  const left = rate > 0 ? `, ${duration((total - done) / rate)} left` : "";
  return `${what}: ${done} of ${total}${speed}${left}`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
