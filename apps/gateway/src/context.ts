import type { Inference } from "@medley/inference-api";
import {
  type Caption,
  captionsOf,
  type Database,
  findImages,
  type Image,
  type NearDuplicate,
  nearDuplicatesOf,
} from "@medley/storage";
import type { BlobStore, VariantStore } from "@medley/storage/blobs";
import DataLoader from "dataloader";
import type { PictureFolder } from "./access/picture-links.ts";
import type { Viewer } from "./access/viewer.ts";
import type { ProtectionSettings } from "./protection/protection-settings.ts";

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
  /** Who may ask and how much; what is absent has the default of its setting. */
  readonly protection?: Partial<ProtectionSettings>;
  readonly log: RequestLog;
}

/** What belongs to one request of one caller; `openRequest` makes it. */
export interface RequestScope {
  readonly viewer: Viewer;
  /** The models, as far as this request may use them: calls end when it does. */
  readonly inference: Inference;
  /** Milliseconds that calls to models took so far. */
  readonly spentMs: () => number;
  /** Where the caller may fetch a picture. */
  readonly pictureLink: (folder: PictureFolder, imageId: string) => string;
}

/** Takes one structured line per request; the shape of a pino logger. */
export interface RequestLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What one GraphQL request works with: loaders batch and remember for the length of a request. */
export interface GatewayContext extends GatewayDependencies, RequestScope {
  readonly inference: Inference;
  readonly imageById: DataLoader<string, Image | null>;
  readonly captionsByImage: DataLoader<string, readonly Caption[]>;
  readonly nearDuplicatesByImage: DataLoader<string, readonly NearDuplicate[]>;
}

export function createContext(dependencies: GatewayDependencies, scope: RequestScope): GatewayContext {
  const { db } = dependencies;
  return {
    ...dependencies,
    ...scope,
    imageById: new DataLoader(async (ids) => {
      const images = new Map((await findImages(db, ids)).map((image) => [image.id, image]));
      return ids.map((id) => images.get(id) ?? null);
    }),
    captionsByImage: new DataLoader(async (ids) => {
      const captions = await captionsOf(db, ids);
      return ids.map((id) => captions.get(id) ?? []);
    }),
    nearDuplicatesByImage: new DataLoader(async (ids) => {
      const duplicates = await nearDuplicatesOf(db, ids);
      return ids.map((id) => duplicates.get(id) ?? []);
    }),
  };
}
