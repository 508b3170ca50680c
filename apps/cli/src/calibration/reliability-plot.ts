import type { Reliability } from "@medley/calibration";
import { type Html, html } from "@medley/evaluation";

const SIDE = 320;
const MARGIN = 44;
const LARGEST_RADIUS = 12;
const SMALLEST_RADIUS = 3;

/**
 * A reliability curve as an inline drawing: what was predicted to the right, what was observed upwards, one disc for each bin with an area by its
 * count. On the dashed diagonal the probabilities are right; below it they are too high.
 */
export function reliabilityPlot(
  name: string,
  { bins, expectedCalibrationError, positives, negatives }: Reliability,
): Html {
  const x = (share: number) => MARGIN + share * SIDE;
  const y = (share: number) => MARGIN / 2 + (1 - share) * SIDE;
  const most = Math.max(...bins.map(({ count }) => count));
  const radiusOf = (count: number) => Math.max(SMALLEST_RADIUS, LARGEST_RADIUS * Math.sqrt(count / most));
  const path = bins.map(({ predicted, observed }) => `${round(x(predicted))},${round(y(observed))}`).join(" ");
  const discs = bins.map(
    ({ predicted, observed, count }) =>
      html`<circle cx="${round(x(predicted))}" cy="${round(y(observed))}" r="${round(radiusOf(count))}"><title>predicted ${predicted.toFixed(3)}, observed ${observed.toFixed(3)}, ${count} examples</title></circle>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (
      value,
    ) => html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${y(0)}" y2="${y(1)}"/><line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(value)}" y2="${y(value)}"/>
<text x="${x(value)}" y="${y(0) + 16}" text-anchor="middle">${value}</text><text x="${x(0) - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
  );
  const width = SIDE + MARGIN + LARGEST_RADIUS * 2;
  const height = SIDE + MARGIN * 1.5;
  return html`<figure class="reliability"><figcaption>${name}: expected calibration error ${expectedCalibrationError.toFixed(3)} on ${positives} examples that hold and ${negatives} that do not</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Reliability of ${name}">${ticks}
<line class="right" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/><polyline points="${path}"/>${discs}
<text x="${x(0.5)}" y="${y(0) + 36}" text-anchor="middle">predicted</text><text x="12" y="${y(0.5)}" text-anchor="middle" transform="rotate(-90 12 ${y(0.5)})">observed</text></svg></figure>`;
}

function round(value: number): string {
  return value.toFixed(2);
}
