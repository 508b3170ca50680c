import sharp from "sharp";
import { cmykToRgb, dropAlpha, greyToRgb, overWhite } from "./colour.ts";
import type { ImageFormat } from "./image-format.ts";
import { damaged, INPUT_OPTIONS, type ImageHeader, MAX_INPUT_PIXELS, outputOf, readHeader } from "./libvips.ts";
import type { RgbPixels } from "./resize.ts";

export interface DecodeOptions {
  /**
   * What becomes of transparency. "white" (default): composited over white, which is what people see and what transformers
   * 5.23 does. "drop": alpha is ignored, as in the original BLIP code and transformers up to 5.18.
   */
  readonly alpha?: "white" | "drop";
  /** Pixels (width x height as stored) above which the file is refused; MAX_INPUT_PIXELS when absent. */
  readonly maxPixels?: number;
}

/** A decoded picture: 8-bit RGB, interleaved, rows from the top, upright. */
export interface RgbImage extends RgbPixels {
  readonly format: ImageFormat;
  /** Pages or frames in the file; the first one is decoded. */
  readonly pages: number;
  /** EXIF orientation (1..8) that was undone; 1 where nothing was to do. */
  readonly orientationApplied: number;
}

/**
 * Decodes a whole picture (never shrink-on-load) to upright 8-bit RGB as Pillow does after `ImageOps.exif_transpose`.
 * As in Pillow an embedded ICC profile is ignored. 16 bits per channel are cut to the upper 8.
 * Parity: decode-image.parity.test.ts.
 * @throws MediaError
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  return await decodeWithHeader(bytes, await readHeader(bytes, options.maxPixels ?? MAX_INPUT_PIXELS), options);
}

/** The same for a file whose header was read. */
export async function decodeWithHeader(
  bytes: Uint8Array,
  header: ImageHeader,
  options: Pick<DecodeOptions, "alpha">,
): Promise<RgbImage> {
  const { data, info } = await decodePixels(bytes, header).catch((error: unknown) => {
    throw damaged(header.format, bytes, error);
  });
  return {
    width: info.width,
    height: info.height,
    data: toRgb(data, info.channels, header.isCmyk, options.alpha ?? "white"),
    format: header.format,
    pages: header.pages,
    orientationApplied: header.orientation,
  };
}

async function decodePixels(bytes: Uint8Array, header: ImageHeader) {
  const image = sharp(bytes, { ...INPUT_OPTIONS, ignoreIcc: true }).autoOrient();
  // CMYK is taken as stored: libvips would convert it with an ICC profile, Pillow has a plain formula.
  if (header.isCmyk) image.pipelineColourspace("cmyk").toColourspace("cmyk");
  return await outputOf(image.raw());
}

/** What libvips decoded, as 8-bit RGB. */
export function toRgb(data: Uint8Array, channels: number, isCmyk: boolean, alpha: "white" | "drop"): Uint8Array {
  if (isCmyk) return cmykToRgb(data, channels);
  switch (channels) {
    case 1:
      return greyToRgb(data);
    case 2:
      return toRgb(greyAlphaToRgba(data), 4, false, alpha);
    case 3:
      return data;
    case 4:
      return alpha === "white" ? overWhite(data) : dropAlpha(data);
    default:
      throw new Error(`Bug: libvips gave ${channels} channels, expected 1 to 4`);
  }
}

function greyAlphaToRgba(greyAlpha: Uint8Array): Uint8Array {
  const rgba = new Uint8Array(greyAlpha.length * 2);
  for (let from = 0, to = 0; from < greyAlpha.length; from += 2, to += 4) {
    rgba.fill(greyAlpha[from] as number, to, to + 3);
    rgba[to + 3] = greyAlpha[from + 1] as number;
  }
  return rgba;
}
