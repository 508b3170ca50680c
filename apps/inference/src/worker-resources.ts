import type { PixelTarget, WorkerResources } from "@medley/inference";
import { modelInputVariant, prepareModelInput } from "@medley/media";
import { openBlobStore, openVariantStore } from "@medley/storage/blobs";
import { openTokenStore } from "@medley/storage/tokens";

/** What a worker thread of this server is told: it opens pictures and tokens by itself. */
export interface ResourceSettings {
  readonly blobDirectory: string;
  readonly tokenDirectory: string;
  readonly thumbnailDirectory: string;
  readonly maxPixels: number;
}

/** Opened in each worker thread of the engine (`WorkerResourcesModule`). */
export function openResources(settings: ResourceSettings): WorkerResources {
  const blobs = openBlobStore({ directory: settings.blobDirectory });
  const tokens = openTokenStore({ directory: settings.tokenDirectory });
  const variants = openVariantStore({ directory: settings.thumbnailDirectory });
  return {
    preparePixels: (bytes: Uint8Array, { sizePixels, filter }: PixelTarget) =>
      prepareModelInput(bytes, { sizePixels, filter, maxPixels: settings.maxPixels }),
    readPixels: (sha256, target) => variants.read(sha256, modelInputVariant(target)),
    readImage: async (sha256) => ((await blobs.has(sha256)) ? await blobs.read(sha256) : undefined),
    readTokens: tokens.read,
    writeTokens: tokens.write,
  };
}
