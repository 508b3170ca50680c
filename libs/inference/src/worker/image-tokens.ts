import { createHash } from "node:crypto";
import { InferenceError } from "@medley/inference-api";
import type { ImageInput } from "@medley/inference-api";
import * as ort from "onnxruntime-node";
import type { PixelTarget, WorkerResources } from "../worker-resources.ts";
import type { LoadedModel } from "./loaded-model.ts";

/** Image tokens of one picture: exact, or as the token store keeps them. `wereStored`: they came out of it. */
export type ImageTokens = (
  | { readonly format: "float32"; readonly data: Float32Array }
  | { readonly format: "float16"; readonly data: Uint16Array }
) & { readonly wereStored?: boolean };

/** What one pass of the vision tower gives. */
export interface EncodedImage {
  readonly tokens: ImageTokens;
  readonly embedding: Float32Array | undefined;
}

// Tokens of pictures given as bytes are kept for the next call on the same bytes: 64 MB hold 36 pictures of BLIP base.
const CACHE_BYTES = 64_000_000;

/** Gets image tokens from wherever they are cheapest: this thread's cache, the token store, or the vision tower. */
export interface ImageTokenSource {
  /** Runs the vision tower over pictures, one result or error each, and stores tokens of those named by sha256. */
  encode(model: LoadedModel, images: readonly ImageInput[]): Promise<(EncodedImage | InferenceError)[]>;
  tokens(model: LoadedModel, image: ImageInput): Promise<ImageTokens>;
}

export function createImageTokenSource(resources: WorkerResources): ImageTokenSource {
  const cache = new Map<string, EncodedImage>();
  let cachedBytes = 0;

  const remember = (key: string, encoded: EncodedImage): void => {
    cache.set(key, encoded);
    cachedBytes += encoded.tokens.data.byteLength;
    for (const [oldest, old] of cache) {
      if (cachedBytes <= CACHE_BYTES || oldest === key) break;
      cache.delete(oldest);
      cachedBytes -= old.tokens.data.byteLength;
    }
  };
  const keyOf = (model: LoadedModel, image: ImageInput): string => {
    const content = "sha256" in image ? image.sha256 : createHash("sha256").update(image.bytes).digest("hex");
    return `${model.reference.path}:${content}`;
  };

  async function encode(model: LoadedModel, images: readonly ImageInput[]): Promise<(EncodedImage | InferenceError)[]> {
    const results: (EncodedImage | InferenceError)[] = [];
    for (const image of images) {
      try {
        const key = keyOf(model, image);
        const known = "bytes" in image ? cache.get(key) : undefined;
        const encoded = known ?? (await encodeOne(model, image, resources));
        if (!known && "bytes" in image) remember(key, encoded);
        results.push(encoded);
      } catch (error) {
        results.push(asImageError(error));
      }
    }
    return results;
  }

  async function tokens(model: LoadedModel, image: ImageInput): Promise<ImageTokens> {
    if ("sha256" in image) {
      const stored = await resources.readTokens?.(model.reference.visionFingerprint, image.sha256);
      if (stored) return { format: "float16", data: stored.data, wereStored: true };
    }
    const [encoded] = await encode(model, [image]);
    if (!encoded || encoded instanceof InferenceError) throw encoded ?? new Error("Bug: no result for an image.");
    return encoded.tokens;
  }

  return { encode, tokens };
}

async function encodeOne(model: LoadedModel, image: ImageInput, resources: WorkerResources): Promise<EncodedImage> {
  const { reference } = model;
  const { sizePixels } = reference.preprocessor;
  const pixels = await pixelsOf(image, reference.preprocessor, resources);
  const feed = new ort.Tensor("uint8", pixels, [1, sizePixels, sizePixels, 3]);
  const stored = "sha256" in image;
  const embeds = reference.embeddingDimensions !== undefined;
  const fetch = [stored ? "storedTokens" : "tokens", ...(embeds ? ["embedding"] : [])];
  const output = await model.run("imageEncoder", { pixels: feed }, fetch);
  const embedding = embeds ? (output["embedding"]?.data as Float32Array) : undefined;
  if (!stored) return { tokens: { format: "float32", data: output["tokens"]?.data as Float32Array }, embedding };
  const tensor = output["storedTokens"] as ort.Tensor;
  const raw = tensor.data as unknown as Uint16Array;
  const data = new Uint16Array(raw.buffer, raw.byteOffset, raw.length);
  const [, count = 0, width = 0] = tensor.dims;
  await resources.writeTokens?.(reference.visionFingerprint, image.sha256, { data, tokens: count, width });
  return { tokens: { format: "float16", data }, embedding };
}

/** RGB bytes [S, S, 3], prepared by whoever decoded the picture before, or now. */
async function pixelsOf(image: ImageInput, target: PixelTarget, resources: WorkerResources): Promise<Uint8Array> {
  const { sizePixels, filter } = target;
  const ready = "sha256" in image ? await resources.readPixels?.(image.sha256, { sizePixels, filter }) : undefined;
  // One that was cut off, by a full disk or a power failure, is none.
  if (ready?.length === 3 * sizePixels * sizePixels) return ready;
  return await resources.preparePixels(await readBytes(image, resources), { sizePixels, filter });
}

async function readBytes(image: ImageInput, resources: WorkerResources): Promise<Uint8Array> {
  if ("bytes" in image) return image.bytes;
  const bytes = await resources.readImage?.(image.sha256);
  if (bytes) return bytes;
  throw new InferenceError(
    "IMAGE_NOT_FOUND",
    `The content store has no image ${image.sha256}. Upload or ingest it first, or send its bytes.`,
  );
}

// Codes of libs/media that mean "these bytes are no usable picture"; anything else is the engine's own failure.
const IMAGE_CODES = new Set(["NOT_AN_IMAGE", "UNSUPPORTED_FORMAT", "TOO_MANY_PIXELS", "TRUNCATED", "EMPTY_FILE"]);

function asImageError(error: unknown): InferenceError {
  if (error instanceof InferenceError) return error;
  const { code, message, retryable } = error as { code?: string; message?: string; retryable?: boolean };
  const known = code !== undefined && IMAGE_CODES.has(code);
  // A store that does not answer is no fault of the picture, and comes back.
  const failure = known ? "INVALID_IMAGE" : retryable === true ? "UNAVAILABLE" : "ENGINE_FAILED";
  return new InferenceError(failure, message ?? String(error), { cause: error });
}
