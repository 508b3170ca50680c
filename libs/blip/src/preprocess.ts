import { BlipError } from "./blip-error.ts";

/** How a decoded picture becomes model input. The resize itself is done by the caller (see libs/media `resize`). */
export interface Preprocessor {
  /** Side of the square to resize to; the aspect ratio is not kept, nothing is cropped. */
  readonly sizePixels: number;
  readonly filter: "bicubic" | "bilinear" | "lanczos" | "box" | "hamming";
  /** Pixels are multiplied by it; 1 where do_rescale is off. */
  readonly rescaleFactor: number;
  /** Per channel R, G, B, after rescaling: (x - mean) / std. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** OpenAI CLIP's statistics, which BLIP uses. */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;
/** Pillow's filter codes; 0 is nearest, which no BLIP checkpoint uses. */
const FILTERS = new Map<unknown, Preprocessor["filter"]>([
  [1, "lanczos"],
  [2, "bilinear"],
  [3, "bicubic"],
  [4, "box"],
  [5, "hamming"],
]);
/** Larger inputs than any BLIP (480) by far; a wrong number must not become a terabyte of memory. */
const MAX_SIDE = 4096;

/** The original `.pth` checkpoints carry no preprocessing file: BLIP's own, at the size of the vision transformer. */
export function defaultPreprocessor(imageSizePixels: number): Preprocessor {
  return {
    sizePixels: imageSizePixels,
    filter: "bicubic",
    rescaleFactor: 1 / 255,
    mean: CLIP_MEAN,
    std: CLIP_STD,
  };
}

/**
 * Reads a parsed preprocessor_config.json of Hugging Face (BlipImageProcessor). Absent keys have the defaults of that class.
 * @param imageSizePixels  size where the file names none: the vision transformer's
 * @throws BlipError BAD_CONFIG or UNSUPPORTED, naming the key
 */
export function preprocessorFromConfig(config: unknown, imageSizePixels: number): Preprocessor {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new BlipError("BAD_CONFIG", "preprocessor_config.json is not a JSON object.");
  }
  const values = config as Record<string, unknown>;
  for (const key of ["do_center_crop", "do_pad"]) {
    if (values[key] === true) {
      throw new BlipError(
        "UNSUPPORTED",
        `preprocessor_config.json sets ${key}, which BLIP's preprocessing does not have.`,
      );
    }
  }
  if (values.do_resize === false) {
    throw new BlipError("UNSUPPORTED", "preprocessor_config.json sets do_resize to false; BLIP needs one input size.");
  }
  const normalises = values.do_normalize !== false;
  return {
    sizePixels: readSize(values.size, imageSizePixels),
    filter: readFilter(values.resample),
    rescaleFactor: values.do_rescale === false ? 1 : readNumber(values.rescale_factor, 1 / 255, "rescale_factor"),
    mean: normalises ? readTriple(values.image_mean, CLIP_MEAN, "image_mean") : [0, 0, 0],
    std: normalises ? readTriple(values.image_std, CLIP_STD, "image_std") : [1, 1, 1],
  };
}

/**
 * Model input of a resized picture on the CPU: float32 [3, H, W], R, G, B planes. The graphs do this inside, from uint8
 * [B, H, W, 3]; this function is the reference that they are tested against.
 * Follows BLIP data/__init__.py (ToTensor, Normalize), in float32 as there.
 * @param pixels  uint8 RGB, interleaved, already sizePixels x sizePixels
 */
export function normalisePixels(pixels: Uint8Array, preprocessor: Preprocessor): Float32Array {
  const { sizePixels, rescaleFactor } = preprocessor;
  const plane = sizePixels * sizePixels;
  if (pixels.length !== plane * 3) {
    throw new Error(
      `Bug: ${pixels.length} bytes, expected ${sizePixels} x ${sizePixels} x 3; resize the picture first`,
    );
  }
  const output = new Float32Array(plane * 3);
  for (const channel of [0, 1, 2] as const) {
    const mean = Math.fround(preprocessor.mean[channel]);
    const std = Math.fround(preprocessor.std[channel]);
    for (let i = 0; i < plane; i++) {
      const rescaled = Math.fround((pixels[i * 3 + channel] as number) * rescaleFactor);
      output[channel * plane + i] = Math.fround(rescaled - mean) / std;
    }
  }
  return output;
}

function readSize(size: unknown, imageSizePixels: number): number {
  const isObject = typeof size === "object" && size !== null;
  const { height, width, shortest_edge: shortestEdge } = (isObject ? size : {}) as Record<string, unknown>;
  // BLIP has one square input size, so an old file's shortest_edge is the side of that square.
  const side = isObject ? (height ?? width ?? shortestEdge) : size;
  if ((width ?? side) !== side) {
    throw new BlipError(
      "UNSUPPORTED",
      `preprocessor_config.json has size ${JSON.stringify(size)}, expected a square: width equal to height.`,
    );
  }
  const pixels = readNumber(side, imageSizePixels, "size");
  if (Number.isInteger(pixels) && pixels >= 1 && pixels <= MAX_SIDE) return pixels;
  throw new BlipError(
    "BAD_CONFIG",
    `preprocessor_config.json has size ${pixels}, expected an integer from 1 to ${MAX_SIDE}.`,
  );
}

function readFilter(resample: unknown): Preprocessor["filter"] {
  const filter = FILTERS.get(resample ?? 3);
  if (filter !== undefined) return filter;
  throw new BlipError(
    "UNSUPPORTED",
    `preprocessor_config.json has resample ${JSON.stringify(resample)}, expected 3 (bicubic; 1, 2, 4 and 5 also work).`,
  );
}

function readNumber(value: unknown, fallback: number, key: string): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new BlipError("BAD_CONFIG", `preprocessor_config.json has ${key} ${JSON.stringify(value)}, expected a number.`);
}

function readTriple(
  value: unknown,
  fallback: readonly [number, number, number],
  key: string,
): readonly [number, number, number] {
  if (value === undefined || value === null) return fallback;
  if (Array.isArray(value) && value.length === 3 && value.every((item) => Number.isFinite(item))) {
    if (key !== "image_std" || value.every((item) => item !== 0)) return value as [number, number, number];
  }
  throw new BlipError(
    "BAD_CONFIG",
    `preprocessor_config.json has ${key} ${JSON.stringify(value)}, expected three numbers${key === "image_std" ? ", none of them 0" : ""}.`,
  );
}
