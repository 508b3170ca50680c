import type { Metric } from "../run/result.ts";
import { baselinesOf, formatInterval, formatValue, nameOf, partOf, subjectOf } from "./format-metric.ts";
import { type Html, html } from "./html.ts";

/** More parts than this are folded away: VQA v2 has 65 question types. */
const OPEN_ROWS = 12;

/** Figures of a task: a row for each subject, a column for each figure; parts of the data set come after the whole. */
export function metricTables(metrics: readonly Metric[]): Html {
  const whole = metrics.filter(({ group }) => group === undefined);
  const parts = metrics.filter(({ group }) => group !== undefined);
  const rows = new Set(parts.map(subjectOf)).size;
  const summary = `Parts of the data set (${rows} ${rows === 1 ? "row" : "rows"})`;
  const folded = html`<details><summary>${summary}</summary>${metricTable(parts)}</details>`;
  const shown = html`<h3>${summary}</h3>${metricTable(parts)}`;
  return html`${whole.length > 0 ? metricTable(whole) : html``}${parts.length === 0 ? html`` : rows > OPEN_ROWS ? folded : shown}`;
}

function metricTable(metrics: readonly Metric[]): Html {
  const columns = [...new Set(metrics.map(nameOf))];
  const rows = [...Map.groupBy(metrics, subjectOf)];
  const head = columns.map((name) => html`<th class="number" scope="col">${unbroken(name)}</th>`);
  return html`<div class="scroll"><table>
<thead><tr><th scope="col"></th>${head}<th class="number" scope="col">n</th></tr></thead>
<tbody>${rows.map(([subject, cells], index) => tableRow(subject, cells, columns, startsPart(rows, index)))}</tbody>
</table></div>`;
}

/** "BLEU-1" stays on one line: its hyphen becomes one that does not break. */
function unbroken(name: string): string {
  return name.replaceAll("-", "\u2011");
}

function startsPart(rows: readonly (readonly [string, readonly Metric[]])[], index: number): boolean {
  const part = (row: number) => {
    const first = rows[row]?.[1][0];
    return first && partOf(first);
  };
  // A line between parts helps where parts have several rows, and only clutters where each has one.
  const parts = new Set(Array.from(rows.keys(), part));
  return index > 0 && parts.size < rows.length && part(index) !== part(index - 1);
}

function tableRow(subject: string, cells: readonly Metric[], columns: readonly string[], isStart: boolean): Html {
  const byName = new Map(cells.map((cell) => [nameOf(cell), cell]));
  const figures = columns.map((name) => {
    const cell = byName.get(name);
    return cell ? figureCell(cell) : html`<td></td>`;
  });
  const counts = [...new Set(cells.map(({ n }) => n))].join(", ");
  return html`<tr class="${isStart ? "part-start" : "part"}"><th scope="row">${subject || "all"}</th>${figures}<td class="number">${counts}</td></tr>`;
}

function figureCell(metric: Metric): Html {
  const { value, unit } = metric;
  const interval = formatInterval(metric);
  return html`<td class="number"><span class="value">${formatValue(value, unit)}</span>${
    interval ? html`<span class="interval">${interval}</span>` : html``
  }${baselinesOf(metric).map(
    (baseline, place) =>
      html`<span class="baseline" title="${baseline.kind}">${formatValue(baseline.value, unit)}${"*".repeat(place + 1)}</span>`,
  )}</td>`;
}

/** What the starred numbers of these figures are: one sentence for each number of stars. */
export function baselineLegend(metrics: readonly Metric[]): string[] {
  const lists = metrics.map((metric) => baselinesOf(metric).map(({ kind }) => kind));
  const most = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: most }, (_, place) => {
    const kinds = new Set(lists.flatMap((kinds) => kinds[place] ?? []));
    return `${"*".repeat(place + 1)} ${[...kinds].join("; ")}.`;
  });
}
