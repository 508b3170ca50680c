import type { Readable } from "node:stream";
import { openBlobStore, openVariantStore } from "./blobs.ts";
import { openS3Stores, type S3Place } from "./s3-stores.ts";

/** A stored file, without its bytes. */
export type StoredFile = {
  readonly sizeBytes: number;
  /** Its bytes, once. */
  readonly open: () => Promise<Readable>;
};

/** The bytes of images, by their content. What `put` has answered for survives kill -9 and power loss. */
export type BlobStore = {
  /** Returns the sha256 of the bytes, 64 hexadecimal digits. */
  readonly put: (bytes: Uint8Array) => Promise<string>;
  /** The same for a file of any size, which is never held in memory. */
  readonly putFile: (path: string) => Promise<string>;
  /** Rejects with NOT_FOUND when the store does not have it. */
  readonly read: (sha256: string) => Promise<Buffer>;
  readonly has: (sha256: string) => Promise<boolean>;
  /** For whoever passes the bytes on; undefined when the store does not have it. */
  readonly find: (sha256: string) => Promise<StoredFile | undefined>;
  /** Where the bytes are or would be, for people. */
  readonly placeOf: (sha256: string) => string;
  /** Only for whoever has made sure, under the blob's lock, that no row needs it. */
  readonly remove: (sha256: string) => Promise<void>;
};

/** Pictures derived from a blob, such as thumbnails. They can be made again, so nothing waits for the disk. */
export type VariantStore = {
  readonly write: (sha256: string, variant: string, bytes: Uint8Array) => Promise<void>;
  readonly read: (sha256: string, variant: string) => Promise<Buffer | undefined>;
  readonly has: (sha256: string, variant: string) => Promise<boolean>;
  readonly find: (sha256: string, variant: string) => Promise<StoredFile | undefined>;
  /** Whether it was there or not. */
  readonly remove: (sha256: string, variant: string) => Promise<void>;
  /** Removes every variant of a blob. */
  readonly removeAll: (sha256: string) => Promise<void>;
};

/** Where an installation keeps the bytes of its pictures; can be handed to another thread. */
export interface PictureStorePlace {
  readonly blobDirectory: string;
  readonly thumbnailDirectory: string;
  /** Originals and what is derived from them lie in this bucket instead of the folders; absent: on disk. */
  readonly s3?: S3Place;
}

/** The one way to the bytes of an installation's pictures. Nothing is asked of a bucket before the first call. */
export function openPictureStores(place: PictureStorePlace): { blobs: BlobStore; thumbnails: VariantStore } {
  if (place.s3) return openS3Stores(place.s3);
  return {
    blobs: openBlobStore({ directory: place.blobDirectory }),
    thumbnails: openVariantStore({ directory: place.thumbnailDirectory }),
  };
}
