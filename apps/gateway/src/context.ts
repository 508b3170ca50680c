import type { Inference } from "@medley/inference-api";
import { type Caption, captionsOf, type Database, findImages, type Image } from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/blobs";
import DataLoader from "dataloader";

/** What the gateway works with; made in main.ts, or in a test. */
export interface GatewayDependencies {
  readonly db: Database;
  readonly inference: Inference;
  readonly blobs: BlobStore;
  /** The small WebP files that ingest writes, by the content hash of their original. */
  readonly thumbnails: VariantStore;
  /** Folder of the built web page. */
  readonly siteDirectory: string;
  /** Limit of one search; re-ranking is cut there and the answer says so. */
  readonly searchDeadlineMs: number;
  /** Limit of one caption or answer. */
  readonly inferenceDeadlineMs: number;
  readonly log: RequestLog;
}

/** Takes one structured line per request; the shape of a pino logger. */
export interface RequestLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What one GraphQL request works with: loaders batch and remember for the length of a request. */
export interface GatewayContext extends GatewayDependencies {
  readonly imageById: DataLoader<string, Image | null>;
  readonly captionsByImage: DataLoader<string, readonly Caption[]>;
}

export function createContext(dependencies: GatewayDependencies): GatewayContext {
  const { db } = dependencies;
  return {
    ...dependencies,
    imageById: new DataLoader(async (ids) => {
      const images = new Map((await findImages(db, ids)).map((image) => [image.id, image]));
      return ids.map((id) => images.get(id) ?? null);
    }),
    captionsByImage: new DataLoader(async (ids) => {
      const captions = await captionsOf(db, ids);
      return ids.map((id) => captions.get(id) ?? []);
    }),
  };
}
