import { MultiBar, Presets } from "cli-progress";
import type { IngestProgress } from "./run-ingest.ts";

/** Shows people how far a run is; never used for the report on standard output. */
export interface ProgressView {
  readonly show: (progress: IngestProgress) => void;
  /** One line above the bar. */
  readonly note: (line: string) => void;
  readonly stop: () => void;
}

export interface ProgressViewOptions {
  readonly corpus: string;
  readonly stream: NodeJS.WriteStream;
  /** False: lines also on a terminal. */
  readonly bar: boolean;
  readonly now: () => number;
}

/** Between lines where nobody watches a terminal; a log of a night's run stays readable. */
const LINE_INTERVAL_MS = 5_000;

export function createProgressView(options: ProgressViewOptions): ProgressView {
  return options.bar && options.stream.isTTY ? createBarView(options) : createLineView(options);
}

function createBarView({ corpus, stream, now }: ProgressViewOptions): ProgressView {
  const bars = new MultiBar(
    {
      stream,
      format: "{corpus} {bar} {percentage}% | {text}",
      hideCursor: true,
      clearOnComplete: false,
      linewrap: false,
    },
    Presets.shades_classic,
  );
  const bar = bars.create(1, 0, { corpus, text: "reading" });
  const pace = createPace(now);
  return {
    show(progress) {
      const { done, total } = workOf(progress);
      bar.setTotal(Math.max(1, total));
      bar.update(done, { text: describe(progress, pace(done, total)) });
    },
    note: (line) => bars.log(`${line}\n`),
    stop: () => bars.stop(),
  };
}

function createLineView({ corpus, stream, now }: ProgressViewOptions): ProgressView {
  const pace = createPace(now);
  let shownAt = now();
  return {
    show(progress) {
      const { done, total } = workOf(progress);
      const text = describe(progress, pace(done, total));
      if (now() - shownAt < LINE_INTERVAL_MS) return;
      shownAt = now();
      stream.write(`${corpus}: ${text}\n`);
    },
    note: (line) => void stream.write(`${line}\n`),
    stop: () => {},
  };
}

/** Steps that have ended one way or another, of all that are planned. */
export function workOf({ steps, wanted }: Pick<IngestProgress, "steps" | "wanted">): { done: number; total: number } {
  const counts = wanted.map((step) => steps[step]);
  return {
    done: counts.reduce((sum, { done, failed, excluded }) => sum + done + failed + excluded, 0),
    total: counts.reduce((sum, { total }) => sum + total, 0),
  };
}

interface Pace {
  readonly stepsPerSecond: number;
  /** Absent while nothing can be said. */
  readonly secondsLeft?: number;
}

/** Rate since the first look, so that what was done before this run does not count; anew where less is done, as when steps are opened again. */
export function createPace(now: () => number): (done: number, total: number) => Pace {
  let first: { done: number; at: number } | undefined;
  return (done, total) => {
    if (first === undefined || done < first.done) first = { done, at: now() };
    const seconds = (now() - first.at) / 1000;
    const stepsPerSecond = seconds > 0 ? (done - first.done) / seconds : 0;
    return { stepsPerSecond, ...(stepsPerSecond > 0 && { secondsLeft: (total - done) / stepsPerSecond }) };
  };
}

function describe(progress: IngestProgress, pace: Pace): string {
  const { added, known, rejected, scanned, steps, wanted } = progress;
  const pictures = added + known;
  return [
    `${pictures} pictures${scanned ? "" : " so far"}${rejected > 0 ? `, ${rejected} rejected` : ""}`,
    ...wanted.slice(1).map((step) => `${step} ${steps[step].done}/${steps[step].total}`),
    `${pace.stepsPerSecond.toFixed(1)}/s`,
    // While pictures are still being found nobody knows how much is left.
    ...(pace.secondsLeft === undefined || !scanned ? [] : [`${describeSeconds(pace.secondsLeft)} left`]),
  ].join(" | ");
}

function describeSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
