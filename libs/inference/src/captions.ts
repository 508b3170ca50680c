import type { Blip } from "@medley/blip";
import {
  alternativesComplaint,
  type Caption,
  type CaptionRequest,
  type GeneratedText,
  InferenceError,
} from "@medley/inference-api";
import type { DecodingSettings } from "./decoding/decoding-settings.ts";
import type { GeneratedTokens } from "./worker/tasks.ts";

/** How many further texts a request wants. Throws UNSUPPORTED where its decoding cannot find so many. */
export function wantedAlternatives({ alternatives = 0, decoding }: CaptionRequest): number {
  const complaint = alternativesComplaint(alternatives, decoding);
  if (complaint !== null) throw new InferenceError("UNSUPPORTED", complaint);
  return alternatives;
}

/** Throws INVALID_TEXT where a text could not have a single token of its own. */
export function requireRoom({ maxLength }: Pick<DecodingSettings, "maxLength">, prefix: readonly number[]): void {
  if (maxLength > prefix.length) return;
  const found = `maxLength is ${maxLength}, but what the text starts from has ${prefix.length} tokens already`;
  throw new InferenceError("INVALID_TEXT", `${found}. Expected at least ${prefix.length + 1}.`);
}

/** Prefix of a caption: [DEC] and the prompt's pieces, without [SEP] (models/blip.py:134). */
export function captionPrefix(blip: Blip, prompt: string): readonly number[] {
  return blip.tokenizer.encode(prompt, { first: "dec", appendSep: false });
}

export interface CaptionWording {
  readonly blip: Blip;
  readonly prefix: readonly number[];
  readonly prompt: string;
  /** Whether the caption tells of alternatives, if only that there are none. */
  readonly tellsAlternatives: boolean;
}

/** Generated tokens in words. An alternative that reads as a text before it is left out. */
export function wordCaption(generated: GeneratedTokens, wording: CaptionWording): Caption {
  const word = ({ tokenIds, logProbability }: GeneratedTokens): GeneratedText => ({
    text: captionText(tokenIds, wording),
    tokenIds,
    logProbability,
  });
  const caption = word(generated);
  if (!wording.tellsAlternatives) return caption;
  const texts = new Set([caption.text]);
  const others = (generated.alternatives ?? []).map(word);
  return { ...caption, alternatives: others.filter(({ text }) => !texts.has(text) && texts.add(text)) };
}

/** The generated text without its prompt. */
function captionText(tokenIds: readonly number[], { blip, prefix, prompt }: CaptionWording): string {
  const { tokenizer } = blip;
  const whole = tokenizer.decode(tokenIds);
  const start = tokenizer.decode(prefix);
  if (prompt === "" || !whole.startsWith(start)) return whole;
  return whole.slice(start.length).trim();
}
