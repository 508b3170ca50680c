import type { FetchError } from "@medley/fetch";
import type { IngestError } from "../ingest-error.ts";

/** A picture that a scan came across. */
export interface FoundFile {
  readonly kind: "file";
  /** As it is reported: the given folder and what follows, or the manifest's own words. */
  readonly path: string;
  /** Absolute, or the URL that it was fetched from; what lies in an archive has the archive's path in front. */
  readonly file: string;
  /** The content where it does not lie in `file`. */
  readonly bytes?: Buffer;
  /** Set where it came over HTTP: the content is in the blob store already, and the upload ends with the registration. */
  readonly upload?: { readonly uploadId: string; readonly sha256: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  /** What named the attributes, in words: `Line 3 of "shop.csv"`. */
  readonly attributesFrom?: string;
  /** Text that came with the picture: alt text, sidecar, manifest column. */
  readonly webText?: string;
}

/** One thing that a scan came across, in a stable order. */
export type Finding =
  | FoundFile
  | {
      readonly kind: "rejected";
      readonly path: string;
      readonly file: string;
      readonly error: IngestError | FetchError;
    };

/** A picture that a manifest names by its URL and that is still to be fetched. */
export interface FoundUrl extends Omit<FoundFile, "kind" | "bytes"> {
  readonly kind: "url";
  readonly url: string;
}
