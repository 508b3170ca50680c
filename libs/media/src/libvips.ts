import sharp, { type OutputInfo, type Sharp } from "sharp";
import { type ImageFormat, sniffFormat } from "./image-format.ts";
import { MediaError } from "./media-error.ts";

/**
 * Largest picture that is decoded. 100 megapixels are 300 MB as RGB (400 MB with alpha) and more than any camera phone
 * saves by default; Pillow warns from 89 megapixels on. A 200-megapixel bomb fails from its header, before any decoding.
 */
export const MAX_INPUT_PIXELS = 100_000_000;

// Every picture is decoded once, so libvips' operation cache would only hold memory.
sharp.cache(false);
// Second lock behind sniffFormat: no loader but these can run in this process, whatever the bytes look like.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpegBuffer",
    "VipsForeignLoadPngBuffer",
    "VipsForeignLoadWebpBuffer",
    "VipsForeignLoadNsgifBuffer",
    "VipsForeignLoadTiffBuffer",
    "VipsForeignLoadHeifBuffer",
  ],
});

/** Header facts of a sniffed file, before anything is decoded. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels as stored, before the EXIF orientation. */
  readonly storedWidth: number;
  readonly storedHeight: number;
  /** EXIF orientation 1..8; 1 where there is none. */
  readonly orientation: number;
  readonly pages: number;
  readonly hasAlpha: boolean;
  readonly isCmyk: boolean;
  /** Whether an ICC profile says that its colours are not those of sRGB. */
  readonly isWideGamut: boolean;
}

/**
 * Options of every sharp() call here. `error` and not `warning`: libjpeg warns about stray bytes that every viewer accepts.
 * Truncation is an error at both levels. limitInputPixels is checked by readHeader, which can name the size.
 */
export const INPUT_OPTIONS = { failOn: "error", limitInputPixels: false, pages: 1, page: 0 } as const;

/** What a pipeline makes. Not by sharp's own toUint8Array, which never frees its memory (0.35.5): a megabyte for each picture of 640 x 480. */
export async function outputOf(pipeline: Sharp): Promise<{ readonly data: Uint8Array; readonly info: OutputInfo }> {
  const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), info };
}

/** @throws MediaError for bytes that are no picture, are of a refused format, are damaged or have too many pixels */
export async function readHeader(bytes: Uint8Array, maxPixels: number): Promise<ImageHeader> {
  const format = sniffFormat(bytes);
  const metadata = await sharp(bytes, INPUT_OPTIONS)
    .metadata()
    .catch((error: unknown) => {
      throw damaged(format, bytes, error);
    });
  if (format === "heif" && metadata.compression !== "av1") {
    const codec = metadata.compression ?? "an unknown codec";
    throw new MediaError(
      "UNSUPPORTED_FORMAT",
      `The file is HEIC (${codec}), which the bundled decoder cannot read, expected JPEG, PNG, WebP, GIF, TIFF or AVIF. ` +
        "Export it as JPEG.",
    );
  }
  const { width: storedWidth, height: storedHeight } = metadata;
  if (storedWidth * storedHeight > maxPixels) {
    throw new MediaError(
      "TOO_MANY_PIXELS",
      `The ${format} picture has ${storedWidth} x ${storedHeight} = ${storedWidth * storedHeight} pixels, ` +
        `the limit is ${maxPixels}. Scale it down before adding it.`,
    );
  }
  return {
    format,
    storedWidth,
    storedHeight,
    orientation: metadata.orientation ?? 1,
    pages: metadata.pages ?? 1,
    hasAlpha: metadata.hasAlpha,
    isCmyk: metadata.space === "cmyk",
    isWideGamut: metadata.icc !== undefined && !namesSrgb(metadata.icc),
  };
}

/** Whether the description of an ICC profile says "sRGB", in ASCII or in UTF-16. */
function namesSrgb(profile: Uint8Array): boolean {
  return /s\0?R\0?G\0?B/.test(Buffer.from(profile).toString("latin1"));
}

/** Turns a libvips failure on a file with a good signature into the error that a person can act on. */
export function damaged(format: ImageFormat, bytes: Uint8Array, error: unknown): MediaError {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n").map((line) => line.trim());
  // libheif tries many offsets at the end of a short file; what it wanted stands after those lines.
  const reason = lines.find((line) => line !== "" && !line.includes("bad seek")) ?? "bad seek";
  return new MediaError(
    "TRUNCATED",
    `The ${format} file (${bytes.length} bytes) is truncated or damaged: ${reason}. Fetch it again or save it anew.`,
    { cause: error },
  );
}
