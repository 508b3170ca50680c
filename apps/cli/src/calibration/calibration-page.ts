import type { Reliability } from "@medley/calibration";
import { html } from "@medley/evaluation";
import { reliabilityPlot } from "./reliability-plot.ts";

const STYLE = `
:root { color-scheme: light; --ink: #1d2126; --quiet: #626b76; --line: #dde1e6; --good: #1a7f4b; --bad: #b3372f; }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.5rem 5rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1.5rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem; }
.reliability { margin: 1rem 0; max-width: 30rem; }
figcaption { font-size: 0.9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 1.2rem 0.3rem 0; text-align: left; border-bottom: 1px solid var(--line); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--quiet); }
svg .grid { stroke: var(--line); }
svg .right { stroke: var(--quiet); stroke-dasharray: 4 3; }
svg polyline { fill: none; stroke: var(--good); stroke-width: 1.5; }
svg circle { fill: var(--good); fill-opacity: 0.75; }
tr.wrong td { color: var(--bad); }
`;

export interface CalibrationPage {
  readonly title: string;
  /** What it means and how it came about, a sentence each. */
  readonly sentences: readonly string[];
  readonly figures: readonly { readonly name: string; readonly value: string }[];
  readonly curves: readonly { readonly name: string; readonly reliability: Reliability }[];
  /** Single queries, for a look at where the verdicts are wrong. */
  readonly rows?: {
    readonly head: readonly string[];
    readonly cells: readonly { readonly wrong: boolean; readonly texts: readonly string[] }[];
  };
}

/** Reliability curves with the figures beside them, as one page that needs nothing from elsewhere and runs nothing. */
export function calibrationPage({ title, sentences, figures, curves, rows }: CalibrationPage): string {
  const table = rows
    ? html`<table><thead><tr>${rows.head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.cells.map(({ wrong, texts }) => html`<tr class="${wrong ? "wrong" : "right"}">${texts.map((text) => html`<td>${text}</td>`)}</tr>`)}</tbody></table>`
    : html``;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<h1>${title}</h1>
${sentences.map((sentence) => html`<p>${sentence}</p>`)}
<dl>${figures.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<div class="plots">${curves.map(({ name, reliability }) => reliabilityPlot(name, reliability))}</div>
${table}
</body>
</html>
`.markup;
}
