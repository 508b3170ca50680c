import type { PixelTarget, WorkerResources } from "@medley/inference";
import { modelInputVariant, prepareModelInput } from "@medley/media";
import { openPictureStores, type PictureStorePlace } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";

/** What a worker thread of this server is told: it opens pictures and tokens by itself. */
export interface ResourceSettings extends PictureStorePlace {
  readonly tokenDirectory: string;
  readonly maxPixels: number;
}

/** Opened in each worker thread of the engine (`WorkerResourcesModule`). */
export function openResources(settings: ResourceSettings): WorkerResources {
  const { blobs, thumbnails } = openPictureStores(settings);
  const tokens = openTokenStore({ directory: settings.tokenDirectory });
  return {
    preparePixels: (bytes: Uint8Array, { sizePixels, filter }: PixelTarget) =>
      prepareModelInput(bytes, { sizePixels, filter, maxPixels: settings.maxPixels }),
    readPixels: (sha256, target) => thumbnails.read(sha256, modelInputVariant(target)),
    readImage: async (sha256) => ((await blobs.has(sha256)) ? await blobs.read(sha256) : undefined),
    readTokens: tokens.read,
    writeTokens: tokens.write,
  };
}
