import type { PixelTarget, WorkerResources } from "@medley/inference";
import { decodeImage, resize } from "@medley/media";

export interface ResourceSettings {
  readonly maxPixels: number;
}

/** Opened in each worker thread of the engine. Pictures come as bytes, so neither store is needed. */
export function openResources({ maxPixels }: ResourceSettings): WorkerResources {
  return {
    async preparePixels(bytes: Uint8Array, { sizePixels, filter }: PixelTarget) {
      const image = await decodeImage(bytes, { maxPixels });
      return resize(image, sizePixels, sizePixels, filter).data;
    },
  };
}
