import type { IngestError } from "../ingest-error.ts";

/** One thing that a scan came across, in a stable order. */
export type Finding =
  | {
      readonly kind: "file";
      /** As it is reported: the given folder and what follows, or the manifest's own words. */
      readonly path: string;
      /** Absolute; what lies in an archive has the archive's path in front. */
      readonly file: string;
      /** The content where it does not lie in `file`. */
      readonly bytes?: Buffer;
      readonly attributes: Readonly<Record<string, unknown>>;
      /** Text that came with the picture: alt text, sidecar, manifest column. */
      readonly webText?: string;
    }
  | { readonly kind: "rejected"; readonly path: string; readonly file: string; readonly error: IngestError };
