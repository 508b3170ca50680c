import type { PixelTarget, WorkerResources } from "@medley/inference";
import { prepareModelInput } from "@medley/media";
import { openPictureStores, type PictureStorePlace } from "@medley/storage/picture-stores";
import { openTokenStore } from "@medley/storage/tokens";

export interface ResourceSettings {
  readonly maxPixels: number;
  /** Where pictures named by their sha256 are, and their image tokens are kept; absent: all pictures come as bytes. */
  readonly stores?: PictureStores;
}

export interface PictureStores extends PictureStorePlace {
  readonly tokenDirectory: string;
}

/** Opened in each worker thread of the engine. */
export function openResources({ maxPixels, stores }: ResourceSettings): WorkerResources {
  return {
    preparePixels: (bytes: Uint8Array, { sizePixels, filter }: PixelTarget) =>
      prepareModelInput(bytes, { sizePixels, filter, maxPixels }),
    ...(stores && openStores(stores)),
  };
}

function openStores({ tokenDirectory, ...place }: PictureStores) {
  const { blobs } = openPictureStores(place);
  const tokens = openTokenStore({ directory: tokenDirectory });
  return {
    readImage: async (sha256: string) => ((await blobs.has(sha256)) ? await blobs.read(sha256) : undefined),
    readTokens: tokens.read,
    writeTokens: tokens.write,
  };
}
