import type { WorkerResources } from "../worker-resources.ts";

/** Worker resources whose "pictures" are already the RGB pixels that the model wants: parity tests leave decoding out. */
export function openResources(): WorkerResources {
  return {
    preparePixels: async (bytes, { sizePixels }) => {
      const wanted = sizePixels * sizePixels * 3;
      if (bytes.length !== wanted) {
        const error = new Error(`Raw pixels have ${bytes.length} bytes, expected ${wanted}.`);
        throw Object.assign(error, { code: "NOT_AN_IMAGE" });
      }
      return Uint8Array.from(bytes);
    },
  };
}
