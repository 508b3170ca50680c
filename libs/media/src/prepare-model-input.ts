import sharp from "sharp";
import { type DecodeOptions, decodeWithHeader, toRgb } from "./decode-image.ts";
import { damaged, type ImageHeader, INPUT_OPTIONS, MAX_INPUT_PIXELS, outputOf, readHeader } from "./libvips.ts";
import { resize, type ResizeFilter, type RgbPixels } from "./resize.ts";

export interface ModelInputOptions extends DecodeOptions {
  /** Side of the square that the model takes. */
  readonly sizePixels: number;
  readonly filter: ResizeFilter;
}

// What libjpeg can leave out while it decodes. It rounds sides up to whole blocks: a side that the shrink does not divide would
// come out stretched by a part of a pixel.
const SHRINKS = [8, 4, 2] as const;
/** How many times the model's size a picture still has after it was shrunk; what Pillow calls `reducing_gap`. Decision 012 has the numbers. */
const LEAST_GAP = 2.5;
/** Smaller ones are decoded in full, exact to the bit, in less than 0.1 s: there is too little to gain for any difference. */
const LEAST_PIXELS = 4_000_000;

/**
 * The pixels that a model gets: upright RGB, sizePixels x sizePixels x 3, resized as Pillow does it. Bit for bit, except for JPEGs of four
 * megapixels and more whose sides are many times the model's: those are decoded at a part of their size first, which moves values by at
 * most a few of 255 (decision 012).
 * @throws MediaError
 */
export async function prepareModelInput(bytes: Uint8Array, options: ModelInputOptions): Promise<Uint8Array> {
  const { sizePixels, filter } = options;
  const header = await readHeader(bytes, options.maxPixels ?? MAX_INPUT_PIXELS);
  const reduction = reductionFor(header, sizePixels);
  const image =
    reduction === null ? await decodeWithHeader(bytes, header, options) : await decodeReduced(bytes, header, reduction);
  return resize(image, sizePixels, sizePixels, filter).data;
}

/** By what a picture may be divided before the exact resize; null where it has to be decoded in full. */
export function reductionFor(header: ImageHeader, sizePixels: number): number | null {
  if (header.format !== "jpeg" || header.isCmyk) return null;
  const { storedWidth, storedHeight } = header;
  if (storedWidth * storedHeight < LEAST_PIXELS) return null;
  for (const shrink of SHRINKS) {
    // sharp lets libjpeg shrink by 8 only when more than 8 is asked for (its pipeline.cc); the rest it resizes with Lanczos.
    const reduction = shrink + 1;
    const whole = storedWidth % shrink === 0 && storedHeight % shrink === 0;
    if (whole && Math.min(storedWidth, storedHeight) >= LEAST_GAP * reduction * sizePixels) return reduction;
  }
  return null;
}

/** A JPEG decoded at a part of its size, upright; `reduction` as `reductionFor` gives it. */
export async function decodeReduced(bytes: Uint8Array, header: ImageHeader, reduction: number): Promise<RgbPixels> {
  const turned = header.orientation >= 5;
  const width = Math.round((turned ? header.storedHeight : header.storedWidth) / reduction);
  const height = Math.round((turned ? header.storedWidth : header.storedHeight) / reduction);
  const reduced = sharp(bytes, { ...INPUT_OPTIONS, ignoreIcc: true })
    .autoOrient()
    .resize(width, height, { fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: true })
    .raw();
  const { data, info } = await outputOf(reduced).catch((error: unknown) => {
    throw damaged(header.format, bytes, error);
  });
  return { width: info.width, height: info.height, data: toRgb(data, info.channels, false, "white") };
}
