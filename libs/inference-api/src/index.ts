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
  ModelInfo,
  Role,
} from "./inference.ts";
