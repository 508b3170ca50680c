import type { InferenceError } from "@medley/inference-api";
import { failStep, type Step } from "@medley/storage";
import type { IngestContext } from "../ingest-context.ts";
import { retryTransient } from "../retry.ts";
import type { StepResult } from "./prepare.ts";

/** Writes down why the model did not take a picture, and whether it is worth another try. */
export async function failWithInferenceError(
  context: IngestContext,
  failure: { step: Step; spaceId: string; imageId: string; error: InferenceError },
): Promise<StepResult> {
  const { step, spaceId, imageId } = failure;
  const { code, message, retryable } = failure.error;
  const state = await retryTransient(
    () => failStep(context.db, { step, spaceId, imageId, code, message, retryable }),
    context.retry,
  );
  return { imageId, state: state === "failed" ? "failed" : "later", error: { code, message } };
}
