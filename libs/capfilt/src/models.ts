import type { ModelInfo } from "@medley/inference-api";

/** The model that judges captions: the filter, or where a model set has none the retrieval model's matching head. */
export function filterOf(models: readonly ModelInfo[]): ModelInfo | undefined {
  const canMatch = ({ abilities }: ModelInfo) => abilities.includes("match");
  return (
    models.find((model) => model.role === "filter" && canMatch(model)) ??
    models.find((model) => model.role === "retrieval" && canMatch(model))
  );
}

export function captionerOf(models: readonly ModelInfo[]): ModelInfo | undefined {
  return models.find(({ role, abilities }) => role === "captioner" && abilities.includes("caption"));
}

/**
 * What a person should know when one checkpoint writes captions and judges them; null when two do. A filter that shares its parameters with the
 * captioner finds its noise plausible: the paper's reject rate falls from 25 % to 8 % (table 4).
 */
export function confirmationBias(captioner: ModelInfo, filter: ModelInfo): string | null {
  if (captioner.fingerprint !== filter.fingerprint) return null;
  return (
    `Confirmation bias: captioner and filter are one checkpoint ("${filter.name}"), so the filter tends to keep what the captioner writes. ` +
    'Give the roles "captioner" and "filter" checkpoints that were fine-tuned apart.'
  );
}
