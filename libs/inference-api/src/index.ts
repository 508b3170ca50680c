export { alternativesComplaint, MOST_ALTERNATIVES, toldAlternatives } from "./alternatives.ts";
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
  EmbedOptions,
  EvidenceMap,
  EvidenceMethod,
  EvidenceRequest,
  GeneratedText,
  ImageInput,
  Inference,
  Match,
  MatchOptions,
  ModelInfo,
  ModelToLoad,
  Role,
} from "./inference.ts";
