/** Turns a source picture into the WebP that is shipped. */
import sharp from "sharp";

const QUALITY = { "endless-sky": 78, gcompris: 78, openclipart: 80, "fluent-3d": 80 };
/** A drawing counts as colourful when this share of its non-white pixels is clearly tinted ... */
const TINTED_SHARE = 0.12;
/** ... and at least this share of the picture is not white (thin line art is). */
const INKED_SHARE = 0.08;
const SAMPLE_PX = 64;
const TINT = 36; // distance between the largest and smallest channel, 0-255
const NEARLY_WHITE = 240;
const MARGIN_PX = 6;

/**
 * Fits the picture into its square without enlarging it, on white where it is transparent; clip art loses the empty
 * page around it first.
 * @param {import("./candidate.mjs").Candidate} candidate
 * @returns {Promise<Buffer>} WebP, sRGB, no alpha, no metadata
 */
export async function renderPicture({ part, bytes, edgePx }) {
  const onWhite = await sharp(bytes).flatten({ background: "white" }).toColourspace("srgb").png().toBuffer();
  const framed = part === "openclipart" ? await reframe(onWhite) : onWhite;
  return sharp(framed)
    .resize(edgePx, edgePx, { fit: "inside", withoutEnlargement: true })
    .webp({ quality: QUALITY[part], effort: 6, smartSubsample: true })
    .toBuffer();
}

/** Cuts white borders and puts an even margin around what is left. */
async function reframe(onWhite) {
  const trimmed = await sharp(onWhite).trim({ background: "white", threshold: 12 }).png().toBuffer();
  return sharp(trimmed)
    .extend({ top: MARGIN_PX, bottom: MARGIN_PX, left: MARGIN_PX, right: MARGIN_PX, background: "white" })
    .png()
    .toBuffer();
}

/**
 * Tells coloured pictures from line art and grey shapes.
 * @param {Buffer} image
 * @returns {Promise<boolean>}
 */
export async function isColourful(image) {
  const pixels = await sharp(image)
    .flatten({ background: "white" })
    .resize(SAMPLE_PX, SAMPLE_PX, { fit: "fill" })
    .toColourspace("srgb")
    .raw()
    .toBuffer();
  let inked = 0;
  let tinted = 0;
  for (let offset = 0; offset < pixels.length; offset += 3) {
    const channels = [pixels[offset], pixels[offset + 1], pixels[offset + 2]];
    if (Math.min(...channels) > NEARLY_WHITE) continue;
    inked += 1;
    if (Math.max(...channels) - Math.min(...channels) > TINT) tinted += 1;
  }
  return inked > INKED_SHARE * SAMPLE_PX ** 2 && tinted > TINTED_SHARE * inked;
}
