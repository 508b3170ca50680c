import { createHash } from "node:crypto";
import type { StoredTokens, WorkerResources } from "../worker-resources.ts";
import { openResources as openRawPixels } from "./raw-pixels.ts";
import { seededPicture } from "./seeded-picture.ts";

/** Address of a picture whose store does not answer. */
export const AWAY = "a".repeat(64);

/**
 * Raw pictures of seeds 1 to `count` by the SHA-256 of their pixels, and a token store in memory. `prepared`: seeds whose pixels are prepared under the
 * hash of "prepared N" alone; `cutOff`: the same, but of each only a part.
 */
export function openResources(settings: unknown): WorkerResources {
  const { count, sizePixels, prepared, cutOff } = settings as {
    readonly count: number;
    readonly sizePixels: number;
    readonly prepared?: number;
    readonly cutOff?: boolean;
  };
  const ready = new Map<string, Uint8Array>();
  for (let seed = 1; seed <= (prepared ?? 0); seed++) {
    const pixels = seededPicture(seed, sizePixels);
    ready.set(preparedName(seed), cutOff ? pixels.subarray(1) : pixels);
  }
  const pictures = new Map<string, Uint8Array>();
  for (let seed = 1; seed <= count; seed++) {
    const pixels = seededPicture(seed, sizePixels);
    pictures.set(createHash("sha256").update(pixels).digest("hex"), pixels);
  }
  const tokens = new Map<string, StoredTokens>();
  return {
    ...openRawPixels(),
    readPixels: async (sha256) => ready.get(sha256),
    readImage: async (sha256) => {
      if (sha256 === AWAY) throw Object.assign(new Error("The bucket does not answer."), { retryable: true });
      return pictures.get(sha256);
    },
    readTokens: async (fingerprint, sha256) => tokens.get(fingerprint + sha256),
    writeTokens: async (fingerprint, sha256, stored) => void tokens.set(fingerprint + sha256, stored),
  };
}

/** The picture of a seed whose bytes nobody has. */
export function preparedName(seed: number): string {
  return createHash("sha256").update(`prepared ${seed}`).digest("hex");
}
