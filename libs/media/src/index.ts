export { sha256Hex } from "./content-hash.ts";
export { type DecodeOptions, decodeImage, type RgbImage } from "./decode-image.ts";
export { describeImage, type ImageDescription } from "./describe-image.ts";
export type { ImageFormat } from "./image-format.ts";
export { MAX_INPUT_PIXELS } from "./libvips.ts";
export { makeThumbnail, type Thumbnail } from "./make-thumbnail.ts";
export { MediaError, type MediaErrorCode } from "./media-error.ts";
export { type ModelInputOptions, prepareModelInput } from "./prepare-model-input.ts";
export { type PassOrder, type ResizeFilter, type RgbPixels, resize, resizeBicubic } from "./resize.ts";
