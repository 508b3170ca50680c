import type { WorkerResources } from "@medley/inference";

/** Worker resources for benchmarks: a picture is already the pixels that the model takes. */
export function openResources(): WorkerResources {
  return { preparePixels: async (bytes) => bytes };
}
