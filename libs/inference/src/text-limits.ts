import type { Blip } from "@medley/blip";
import { InferenceError } from "@medley/inference-api";

/** Longest text that the towers take, first token and [SEP] included (BLIP retrieval and VQA: 35). */
const MAX_TEXT_TOKENS = 35;

/** Most tokens of a text that a checkpoint reads. */
export function longestText(blip: Blip): number {
  return Math.min(MAX_TEXT_TOKENS, (blip.textEncoder ?? blip.textDecoder)?.positions ?? MAX_TEXT_TOKENS);
}

export function emptyText(text: string): InferenceError {
  return new InferenceError(
    "INVALID_TEXT",
    `The text ${JSON.stringify(text.slice(0, 60))} is empty after clean-up. Give at least one word.`,
  );
}
