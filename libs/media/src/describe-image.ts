import type { ImageFormat } from "./image-format.ts";
import { MAX_INPUT_PIXELS, readHeader } from "./libvips.ts";

/** What a file's header says, without decoding pixels: a good header does not promise a good file. */
export interface ImageDescription {
  readonly format: ImageFormat;
  /** Upright size, after the EXIF orientation; equals what decodeImage returns. */
  readonly width: number;
  readonly height: number;
  readonly pages: number;
  /** EXIF orientation 1..8; 1 where there is none. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
}

/** @throws MediaError, TOO_MANY_PIXELS included */
export async function describeImage(
  bytes: Uint8Array,
  options: { readonly maxPixels?: number } = {},
): Promise<ImageDescription> {
  const header = await readHeader(bytes, options.maxPixels ?? MAX_INPUT_PIXELS);
  const turned = header.orientation >= 5;
  return {
    format: header.format,
    width: turned ? header.storedHeight : header.storedWidth,
    height: turned ? header.storedWidth : header.storedHeight,
    pages: header.pages,
    orientation: header.orientation,
    hasAlpha: header.hasAlpha,
  };
}
