/**
 * What a source offers: one picture with its words and its rights. The order of candidates is no matter; the builder
 * sorts them.
 * @typedef {{
 *   part: "endless-sky" | "gcompris" | "openclipart" | "fluent-3d",
 *   name: string,
 *   text: string | null,
 *   licence: "public-domain" | "CC0-1.0" | "MIT",
 *   author: string,
 *   origin: string,
 *   bytes: Buffer,
 *   edgePx: number,
 * }} Candidate
 * `name` is the file name without ending, unique within its part; `text` is alt text as found, never invented;
 * `origin` is package, version and path inside it, then the original address where known; `edgePx` bounds both sides.
 */

/** Where a candidate lies below assets/demo; also the key of drop lists and the manifest. */
export function picturePath({ part, name }) {
  return `images/${part}/${name}.webp`;
}
