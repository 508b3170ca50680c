import { cpus } from "node:os";

/** One line of a benchmark's result; `ratio` > 1 always means that Medley is better. */
export interface Measurement {
  readonly bench: string;
  readonly metric: string;
  readonly ours: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly better: "higher" | "lower";
  readonly unit: string;
  readonly runs: number;
  readonly cpu: string;
}

/**
 * Runs both sides alternately, after one warm-up of each, and compares medians: what disturbs the machine disturbs both.
 * @returns seconds, medians of `runs`
 */
export async function interleave(
  runs: number,
  ours: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<{ readonly ours: number; readonly baseline: number }> {
  await ours();
  await baseline();
  const taken = { ours: [] as number[], baseline: [] as number[] };
  for (let run = 0; run < runs; run++) {
    taken.ours.push(await ours());
    taken.baseline.push(await baseline());
  }
  return { ours: median(taken.ours), baseline: median(taken.baseline) };
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

interface Values {
  readonly ours: number;
  readonly baseline: number;
}

/** A result where less is better, as times and bytes are. */
export function lowerIsBetter(bench: string, metric: string, unit: string, runs: number, values: Values): Measurement {
  return resultOf({ bench, metric, ...values, ratio: values.baseline / values.ours, better: "lower", unit, runs });
}

/** A result where more is better, as rates are. */
export function higherIsBetter(bench: string, metric: string, unit: string, runs: number, values: Values): Measurement {
  return resultOf({ bench, metric, ...values, ratio: values.ours / values.baseline, better: "higher", unit, runs });
}

function resultOf(measured: Omit<Measurement, "cpu">): Measurement {
  return { ...measured, cpu: cpus()[0]?.model ?? "unknown" };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
