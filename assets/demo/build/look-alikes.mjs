/**
 * Finds near-copies by a 12 x 12 colour thumbnail: correlation above the limit means "the same picture" to the eye.
 */
import sharp from "sharp";

const THUMBNAIL_PX = 12;
const UNCOMPRESSED = { compressionLevel: 0 };
/** Near-identical drawings of different packages scored above this; different pictures, bar plain discs, below. */
export const SAME_PICTURE_CORRELATION = 0.965;

/**
 * @param {Buffer} image any format sharp reads
 * @returns {Promise<Float64Array>} 432 values of mean 0 and length 1 (12 x 12 pixels, RGB), so a dot product is a correlation
 */
export async function thumbnailVector(image) {
  const trimmed = await trimWhite(image);
  const pixels = await sharp(trimmed)
    .resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: "fill" })
    .toColourspace("srgb")
    .raw()
    .toBuffer();
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const centred = Float64Array.from(pixels, (value) => value - mean);
  const length = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0)) || 1;
  return centred.map((value) => value / length);
}

/**
 * Walks the pictures in order and names, for each, the first earlier picture it repeats.
 * @param {{ path: string, vector: Float64Array }[]} pictures
 * @returns {Map<string, string>} path of the repeat -> path of the picture kept
 */
export function findLookAlikes(pictures) {
  const kept = [];
  const repeats = new Map();
  for (const picture of pictures) {
    const twin = kept.find((earlier) => correlation(earlier.vector, picture.vector) > SAME_PICTURE_CORRELATION);
    if (twin === undefined) kept.push(picture);
    else repeats.set(picture.path, twin.path);
  }
  return repeats;
}

/** @returns {number} -1 to 1; higher means more alike */
export function correlation(left, right) {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += left[index] * right[index];
  return sum;
}

async function trimWhite(image) {
  const flat = await sharp(image).flatten({ background: "white" }).png(UNCOMPRESSED).toBuffer();
  return sharp(flat).trim({ background: "white", threshold: 12 }).png(UNCOMPRESSED).toBuffer();
}
