import type { EvidenceMap } from "@medley/inference-api";

/** A place in a picture, as shares of its width and height from the top left corner. */
export interface EvidencePoint {
  readonly x: number;
  readonly y: number;
}

/** A part of a picture, as shares of its width and height. */
export interface EvidenceBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

type Grid = Pick<EvidenceMap, "rows" | "columns" | "values">;

/** From here on a patch belongs to what is shown around the peak; found on drawings that no figure of `docs/evidence.md` is measured with. */
const BOX_FROM = 0.6;

/** Centre of the greatest patch; null where all are the same. */
export function peakOf({ rows, columns, values }: Grid): EvidencePoint | null {
  const place = greatest(values);
  if (place === null) return null;
  return { x: ((place % columns) + 0.5) / columns, y: (Math.floor(place / columns) + 0.5) / rows };
}

/** What lies around the patches that hang together with the greatest one, side by side, and have at least 0.6; null where all are the same. */
export function boxOf({ rows, columns, values }: Grid): EvidenceBox | null {
  const peak = greatest(values);
  if (peak === null) return null;
  const seen = new Set([peak]);
  for (const place of seen) {
    const column = place % columns;
    const neighbours = [place - columns, place + columns];
    if (column > 0) neighbours.push(place - 1);
    if (column < columns - 1) neighbours.push(place + 1);
    for (const next of neighbours) if ((values[next] ?? 0) >= BOX_FROM) seen.add(next);
  }
  const inX = [...seen].map((place) => place % columns);
  const inY = [...seen].map((place) => Math.floor(place / columns));
  const [left, top] = [Math.min(...inX), Math.min(...inY)];
  return {
    left: left / columns,
    top: top / rows,
    width: (Math.max(...inX) + 1 - left) / columns,
    height: (Math.max(...inY) + 1 - top) / rows,
  };
}

function greatest(values: Float32Array): number | null {
  let place: number | null = null;
  for (const [index, value] of values.entries()) if (value > (place === null ? 0 : (values[place] ?? 0))) place = index;
  return place;
}
