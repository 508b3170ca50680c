import sharp from "sharp";
import { type ImageHeader, MAX_INPUT_PIXELS, readHeader } from "./libvips.ts";
import { makeThumbnailOf, type Thumbnail, type ThumbnailOptions } from "./make-thumbnail.ts";
import { decodeReduced, type ModelInputOptions, reductionFor } from "./prepare-model-input.ts";
import { resize, type RgbPixels } from "./resize.ts";

/** Size and filter of a model's input. */
export type ModelInputTarget = Pick<ModelInputOptions, "sizePixels" | "filter">;

export interface PreparedPicture {
  readonly thumbnail: Thumbnail;
  /** What `prepareModelInput` makes, where one decode served both; null where that would save nothing. */
  readonly modelInput: Uint8Array | null;
}

/** The reduced picture must exceed the thumbnail by this, or the thumbnail would be soft. */
const LEAST_THUMBNAIL_GAP = 1.25;

/**
 * Thumbnail and model input of a picture from one decode: of JPEGs that are reduced while they are decoded, whose decoding is nearly all of
 * the work. Not where an ICC profile other than sRGB gives the thumbnail other colours than
 * the model's.
 * @throws MediaError
 */
export async function preparePicture(
  bytes: Uint8Array,
  options: ThumbnailOptions & { readonly modelInput: ModelInputTarget },
): Promise<PreparedPicture> {
  const header = await readHeader(bytes, options.maxPixels ?? MAX_INPUT_PIXELS);
  const { sizePixels, filter } = options.modelInput;
  const reduction = reductionFor(header, sizePixels);
  if (reduction === null || header.isWideGamut || !servesThumbnail(header, reduction, options.maxSidePixels)) {
    return { thumbnail: await makeThumbnailOf(bytes, header, options), modelInput: null };
  }
  const reduced = await decodeReduced(bytes, header, reduction);
  return {
    thumbnail: await thumbnailOfPixels(reduced, bytes, header, options),
    modelInput: resize(reduced, sizePixels, sizePixels, filter).data,
  };
}

/** Name of a model input among the files derived from a picture. */
export function modelInputVariant({ sizePixels, filter }: ModelInputTarget): string {
  return `${sizePixels}-${filter}.rgb`;
}

function servesThumbnail(
  { storedWidth, storedHeight }: ImageHeader,
  reduction: number,
  maxSidePixels: number,
): boolean {
  return Math.max(storedWidth, storedHeight) / reduction >= LEAST_THUMBNAIL_GAP * maxSidePixels;
}

async function thumbnailOfPixels(
  { data, width, height }: RgbPixels,
  bytes: Uint8Array,
  header: ImageHeader,
  options: ThumbnailOptions,
): Promise<Thumbnail> {
  return await makeThumbnailOf(bytes, header, options, sharp(data, { raw: { width, height, channels: 3 } }));
}
