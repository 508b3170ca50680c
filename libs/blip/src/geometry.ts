/** Sizes of the vision transformer (BLIP §1.1: models/vit.py). */
export interface VisionGeometry {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly patchPixels: number;
  /** Side of the square picture that the model takes. */
  readonly imagePixels: number;
  readonly layerNormEpsilon: number;
}

/** Sizes of one text tower (the paper's MED; models/med.py). */
export interface TextGeometry {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly vocabularySize: number;
  readonly positions: number;
  /** Width of what cross-attention reads: the vision width, or the question encoder's for a VQA decoder. */
  readonly crossWidth: number;
  readonly layerNormEpsilon: number;
}

/** Token ids that mean something to the model; all come from the checkpoint's files. */
export interface SpecialTokens {
  readonly pad: number;
  readonly cls: number;
  readonly sep: number;
  readonly unknown: number;
  /** First token of the decoder (bos). */
  readonly decode: number;
  /** First token of the image-grounded encoder: [DEC] + 1. */
  readonly encode: number;
}

/** Picture tokens of one image: its patches and the class token in front. */
export function imageTokenCount(vision: VisionGeometry): number {
  return gridSide(vision) ** 2 + 1;
}

/** Patches along one side; a rest of pixels is ignored, as the patch convolution does. */
export function gridSide(vision: VisionGeometry): number {
  return Math.floor(vision.imagePixels / vision.patchPixels);
}
