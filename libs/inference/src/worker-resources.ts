/** Image tokens as the token store keeps them. */
export interface StoredTokens {
  /** float16 bits, [tokens, width] row-major. */
  readonly data: Uint16Array;
  readonly tokens: number;
  readonly width: number;
}

/**
 * What a worker thread needs from outside the engine: pictures and the token store. Functions cannot be sent to a thread, so
 * the app names a module that opens them there.
 */
export interface WorkerResources {
  /**
   * Encoded picture -> RGB bytes [S, S, 3] of exactly the model's input size.
   * @throws an error with a `code` where the bytes are not a picture
   */
  preparePixels(bytes: Uint8Array, target: PixelTarget): Promise<Uint8Array>;
  /** What `preparePixels` gives for a stored picture, where somebody made it before; undefined otherwise. */
  readPixels?(sha256: string, target: PixelTarget): Promise<Uint8Array | undefined>;
  /** Bytes of a picture named by the SHA-256 of its content; undefined where it is not known. */
  readImage?(sha256: string): Promise<Uint8Array | undefined>;
  readTokens?(visionFingerprint: string, sha256: string): Promise<StoredTokens | undefined>;
  writeTokens?(visionFingerprint: string, sha256: string, tokens: StoredTokens): Promise<void>;
}

/** Size and resampling filter that a model wants its pictures in. */
export interface PixelTarget {
  readonly sizePixels: number;
  readonly filter: "bicubic" | "bilinear" | "lanczos" | "box" | "hamming";
}

/** A module with `openResources(settings)`, and the settings (structured-cloneable) to call it with. */
export interface WorkerResourcesModule {
  readonly url: string;
  readonly settings: unknown;
}

/** The export that such a module must have. */
export interface WorkerResourcesExports {
  openResources(settings: unknown): Promise<WorkerResources> | WorkerResources;
}
