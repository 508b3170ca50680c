import type { EvidenceMap } from "@medley/inference-api";
import { boxOf, peakOf } from "@medley/search";
import type { Cell, Layout } from "./scenes.ts";

/** What a map says about a thing whose place is known. */
export interface Judged {
  /** Whether the greatest patch lies in the thing's half, or quarter, of the scene. */
  readonly pointed: boolean;
  /** Intersection over union of the box and the thing's cell; 0 without a box. */
  readonly overlap: number;
}

export function judge(map: EvidenceMap, cell: Cell, layout: Layout): Judged {
  const peak = peakOf(map);
  const box = boxOf(map);
  return {
    pointed: peak !== null && isInPart(peak, cell, layout),
    overlap: box === null ? 0 : overlapOf(box, cell),
  };
}

/** Two things share the scene by halves, so that what lies above or below one belongs to it as well. */
function isInPart({ x, y }: { x: number; y: number }, cell: Cell, layout: Layout): boolean {
  const isBeside = x > cell.left && x < cell.left + cell.width;
  return isBeside && (layout === "two" || (y > cell.top && y < cell.top + cell.height));
}

/** Area of what two boxes share over the area of both together. */
export function overlapOf(a: Cell, b: Cell): number {
  const along = (start: number, size: number, otherStart: number, otherSize: number) =>
    Math.max(0, Math.min(start + size, otherStart + otherSize) - Math.max(start, otherStart));
  const shared = along(a.left, a.width, b.left, b.width) * along(a.top, a.height, b.top, b.height);
  return shared / (a.width * a.height + b.width * b.height - shared);
}
