import { createHash } from "node:crypto";
import type { StoredTokens, WorkerResources } from "../worker-resources.ts";
import { openResources as openRawPixels } from "./raw-pixels.ts";
import { seededPicture } from "./seeded-picture.ts";

/** Raw pictures of seeds 1 to `count` by the SHA-256 of their pixels, and a token store in memory. */
export function openResources(settings: unknown): WorkerResources {
  const { count, sizePixels } = settings as { readonly count: number; readonly sizePixels: number };
  const pictures = new Map<string, Uint8Array>();
  for (let seed = 1; seed <= count; seed++) {
    const pixels = seededPicture(seed, sizePixels);
    pictures.set(createHash("sha256").update(pixels).digest("hex"), pixels);
  }
  const tokens = new Map<string, StoredTokens>();
  return {
    ...openRawPixels(),
    readImage: async (sha256) => pictures.get(sha256),
    readTokens: async (fingerprint, sha256) => tokens.get(fingerprint + sha256),
    writeTokens: async (fingerprint, sha256, stored) => void tokens.set(fingerprint + sha256, stored),
  };
}
