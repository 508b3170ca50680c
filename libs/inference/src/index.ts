export { createLocalInference, type LocalInferenceOptions } from "./local-inference.ts";
export { type ItmToken, type ModelSet, openModelSet } from "./model-set.ts";
export type {
  PixelTarget,
  StoredTokens,
  WorkerResources,
  WorkerResourcesExports,
  WorkerResourcesModule,
} from "./worker-resources.ts";
