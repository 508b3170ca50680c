import { type Html, html } from "@medley/evaluation";
import type { ReportHistogram } from "./collect-report.ts";

const WIDTH = 640;
const HEIGHT = 160;
const AXIS = 24;

/** Bars of match probability from 0 to 1 as an inline drawing, with a line where the policy begins to keep. */
export function histogram({ source, keepFrom, bins }: ReportHistogram): Html {
  const most = Math.max(1, ...bins);
  const step = WIDTH / bins.length;
  const heightOf = (count: number) => (count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT));
  const bars = bins.map((count, index) => {
    const height = heightOf(count);
    const from = index / bins.length;
    const kept = keepFrom !== null && from >= keepFrom;
    return html`<rect class="${kept ? "good" : "bad"}" x="${round(index * step)}" y="${round(HEIGHT - height)}" width="${round(step - 1)}" height="${round(height)}"><title>${from.toFixed(3)} to ${((index + 1) / bins.length).toFixed(3)}: ${count}</title></rect>`;
  });
  const line =
    keepFrom === null
      ? html``
      : html`<line x1="${round(keepFrom * WIDTH)}" x2="${round(keepFrom * WIDTH)}" y1="0" y2="${HEIGHT}"/>`;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((value) => {
    const anchor = value === 0 ? "start" : value === 1 ? "end" : "middle";
    return html`<text x="${value * WIDTH}" y="${HEIGHT + AXIS - 7}" text-anchor="${anchor}">${value}</text>`;
  });
  const total = bins.reduce((sum, count) => sum + count, 0);
  const threshold = keepFrom === null ? "" : `, kept from ${keepFrom}`;
  return html`<figure class="histogram"><figcaption>${source}: ${total} scored captions${threshold}; the highest bar is ${most}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT + AXIS}" role="img" aria-label="Match probabilities of ${source} captions">${bars}${line}${ticks}</svg></figure>`;
}

function round(value: number): string {
  return value.toFixed(2);
}
