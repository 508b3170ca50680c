export { createInferenceClient, type InferenceClientOptions } from "./http/client.ts";
export {
  createInferenceHandler,
  type HandledRequest,
  type HandlerRequest,
  type HandlerResponse,
  type InferenceHandlerOptions,
} from "./http/handler.ts";
export { createInferenceMetrics, type InferenceMetrics } from "./http/metrics.ts";
export { failed, InferenceError, type InferenceErrorCode, type Outcome, succeeded } from "./outcome.ts";
export type {
  Answer,
  AnswerMode,
  CallOptions,
  Caption,
  CaptionRequest,
  Decoding,
  ImageInput,
  Inference,
  Match,
  MatchOptions,
  ModelInfo,
  Role,
} from "./inference.ts";
