import type { MappedWord } from "@medley/search";
import type { Image } from "@medley/storage";
import type { HeatGrid } from "@medley/media/heat-map";

/** A map with the picture that it lies over. */
export interface DrawnMap extends MappedWord {
  readonly image: Image;
}

/** BLIP's largest pictures have 30 patches a side. */
const MOST_PATCHES = 64;
/** As of thumbnails: the longer side in pixels. */
const LONGER_SIDE = 320;

/** The query of an overlay's address, which holds the whole map: drawing it asks no model, and every gateway can. */
export function overlayParameter({ rows, columns, values }: Pick<MappedWord, "rows" | "columns" | "values">): string {
  const levels = Uint8Array.from(values, (value) => Math.round(255 * value));
  return `map=${rows}x${columns}.${Buffer.from(levels).toString("base64url")}`;
}

/** The map of an overlay's address; null where it is none. */
export function gridOf(parameter: unknown): HeatGrid | null {
  const [, rows = "", columns = "", base64 = ""] =
    /^(\d{1,2})x(\d{1,2})\.([\w-]{1,8192})$/.exec(typeof parameter === "string" ? parameter : "") ?? [];
  const grid = { rows: Number(rows), columns: Number(columns), levels: Buffer.from(base64, "base64url") };
  const isSmall = grid.rows <= MOST_PATCHES && grid.columns <= MOST_PATCHES;
  return isSmall && grid.levels.length > 0 && grid.levels.length === grid.rows * grid.columns ? grid : null;
}

/** Of the picture's shape, so that it is laid over the picture or its thumbnail as one lays a picture. */
export function overlaySize({ width, height }: Pick<Image, "width" | "height">): { width: number; height: number } {
  if (!width || !height) return { width: LONGER_SIDE, height: LONGER_SIDE };
  const scale = LONGER_SIDE / Math.max(width, height);
  return { width: Math.max(1, Math.round(scale * width)), height: Math.max(1, Math.round(scale * height)) };
}
