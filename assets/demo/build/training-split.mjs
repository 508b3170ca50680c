/**
 * The rule that keeps shown pictures out of training: a file or author belongs to the demo when crc32(name) is a
 * multiple of the divisor. Training code must use the complement.
 */
import { crc32 } from "node:zlib";

/** One landscape photograph in three is shown; the other two may be trained on. */
export const LANDSCAPE_DIVISOR = 3;
/** One clip-art author in four is shown; the pictures of the other authors may be trained on. */
export const CLIP_ART_AUTHOR_DIVISOR = 4;

/**
 * @param {string} name file name without folders, or author name exactly as written in the metadata
 * @param {number} divisor
 */
export function belongsToDemo(name, divisor) {
  return crc32(Buffer.from(name, "utf8")) % divisor === 0;
}
