/** What the hot tier needs of a scan in memory; @medley/scan has one. */
export interface VectorScan extends AsyncDisposable {
  readonly ids: {
    readonly rows: number;
    /** -1 where no row has the id. */
    positionOf(imageId: string): number;
    /** One bit for each row whose id is among `passing` (16 bytes each, ascending), lowest bit first, and the ids that no row has. */
    select(passing: Uint8Array): Promise<{ readonly bits: Uint8Array; readonly beside: ReadonlySet<string> }>;
  };
  /** Best first; fewer than `limit` where fewer rows may be found. */
  nearest(query: Float32Array, limit: number, within?: Uint8Array): Promise<FoundRow[]>;
  /** These rows are not found any more by searches that are asked for from now on. */
  bar(positions: readonly number[]): void;
}

export interface FoundRow {
  readonly position: number;
  readonly imageId: string;
  readonly sha256: string;
  readonly cosine: number;
}

/** Resolves to null where there are no rows. */
export type OpenVectorScan = (rows: {
  readonly dimensions: number;
  readonly pages: AsyncIterable<{
    readonly imageIds: Uint8Array;
    readonly digests: Uint8Array;
    readonly vectors: Float32Array;
  }>;
  /** Told once when the scan ends by itself. */
  readonly onEnd: (error: Error) => void;
}) => Promise<VectorScan | null>;
