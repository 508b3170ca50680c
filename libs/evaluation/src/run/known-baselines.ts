import type { KnownBaseline } from "../datasets/baseline-file.ts";
import type { Metric, TaskResult } from "./result.ts";

/** The figures with what the data set's file says that other methods reach on them. */
export function withKnownBaselines(result: TaskResult, baselines: readonly KnownBaseline[]): TaskResult {
  const metrics = result.metrics.map((metric): Metric => {
    const known = baselines.filter((baseline) => isAbout(baseline, metric)).map(({ kind, value }) => ({ kind, value }));
    return known.length > 0 ? { ...metric, knownBaselines: known } : metric;
  });
  return { ...result, metrics };
}

function isAbout({ task, metric, direction, by, group }: KnownBaseline, figure: Metric): boolean {
  return (
    task === figure.task &&
    metric === figure.metric &&
    direction === figure.direction &&
    group === figure.group &&
    (by === undefined || by === figure.by)
  );
}
