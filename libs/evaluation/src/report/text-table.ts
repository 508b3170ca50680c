import type { Metric } from "../run/result.ts";
import { baselinesOf, formatInterval, formatValue, nameOf, partOf, subjectOf } from "./format-metric.ts";

/**
 * Figures for a terminal: a line for each subject, a column for each figure with its interval, and below the lines of one
 * direction and group what is reached without the model and by other methods.
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
  const entries = part.flatMap((metric) => baselinesOf(metric).map((baseline) => ({ metric, ...baseline })));
  return [...Map.groupBy(entries, ({ kind }) => kind)].map(([kind, same]) => {
    const cells = names.map((name) => {
      const entry = same.find(({ metric }) => nameOf(metric) === name);
      return entry ? formatValue(entry.value, entry.metric.unit) : "";
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
