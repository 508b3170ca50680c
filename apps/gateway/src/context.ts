import type { Inference } from "@medley/inference-api";
import { type Caption, captionsOf, type Database, findImages, type Image } from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/blobs";
import type { PartFiles } from "@medley/storage/part-files";
import DataLoader from "dataloader";
import type { Watches } from "./subscriptions/watches.ts";
import type { UploadReceiver } from "./uploads/receive-upload.ts";

/** What the gateway works with; made in main.ts, or in a test. */
export interface GatewayDependencies {
  readonly db: Database;
  readonly inference: Inference;
  readonly blobs: BlobStore;
  /** The small WebP files that ingest writes, by the content hash of their original. */
  readonly thumbnails: VariantStore;
  /** The bytes of uploads that are not complete. */
  readonly parts: PartFiles;
  /** Signs the addresses of uploads. */
  readonly uploadKey: string;
  /** Bytes of the largest picture that is taken. */
  readonly maxUploadBytes: number;
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

/** What one gateway has one of, made by createGateway. */
export interface GatewayServices {
  readonly uploads: UploadReceiver;
  readonly watches: Watches;
}

/** What one GraphQL request works with: loaders batch and remember for the length of a request. */
export interface GatewayContext extends GatewayDependencies, GatewayServices {
  readonly imageById: DataLoader<string, Image | null>;
  readonly captionsByImage: DataLoader<string, readonly Caption[]>;
}

export function createContext(dependencies: GatewayDependencies & GatewayServices): GatewayContext {
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
