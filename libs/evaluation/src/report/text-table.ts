import type { Metric } from "../run/result.ts";
import { formatInterval, formatValue, nameOf, partOf, subjectOf } from "./format-metric.ts";

/**
 * Figures for a terminal: a line for each subject, a column for each figure with its interval, and below the lines of one
 * direction and group what is reached without the model.
 */
export function textTable(metrics: readonly Metric[]): string[] {
  const names = [...new Set(metrics.map(nameOf))];
  const rows = [...Map.groupBy(metrics, partOf).values()].flatMap((part) => [
    ...[...Map.groupBy(part, subjectOf)].map(([subject, cells]) => [
      subject || "all",
      ...names.map((name) => cellOf(cells, name)),
      [...new Set(cells.map(({ n }) => n))].join(", "),
    ]),
    ...baselineRows(part, names),
  ]);
  return aligned([["", ...names, "n"], ...rows]);
}

function cellOf(cells: readonly Metric[], name: string): string {
  const metric = cells.find((cell) => nameOf(cell) === name);
  if (!metric) return "";
  const interval = formatInterval(metric);
  return `${formatValue(metric.value, metric.unit)}${interval && ` (${interval})`}`;
}

function baselineRows(part: readonly Metric[], names: readonly string[]): string[][] {
  const kinds = Map.groupBy(
    part.filter(({ baseline }) => baseline !== undefined),
    ({ baselineKind }) => baselineKind ?? "baseline",
  );
  return [...kinds].map(([kind, metrics]) => {
    const cells = names.map((name) => {
      const metric = metrics.find((one) => nameOf(one) === name);
      return metric?.baseline === undefined ? "" : formatValue(metric.baseline, metric.unit);
    });
    return [`  ${kind}`, ...cells, ""];
  });
}

/** The first column stands at the left, the others start where the widest cell above or below does. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
