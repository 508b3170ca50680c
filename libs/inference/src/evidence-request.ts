import {
  type Blip,
  cleanCaption,
  contrastAttention,
  evidenceMeans,
  type EvidenceSettings,
  gridSide,
  type LocatedWord,
  locateWord,
  scaleToUnit,
  textAround,
} from "@medley/blip";
import { type EvidenceMap, type EvidenceRequest, type ImageInput, InferenceError } from "@medley/inference-api";
import type { ItmToken } from "./model-set.ts";
import { emptyText, longestText } from "./text-limits.ts";
import type { AttentionTask } from "./worker/evidence.ts";

/** One item of an evidence call, ready for a worker. */
export type EvidencePayload =
  | { readonly kind: "patchCosines"; readonly ids: readonly number[]; readonly image: ImageInput }
  | (AttentionTask & { readonly kind: "attentionMeans"; readonly image: ImageInput });

/** What a worker is asked for a word, or why it cannot be asked. */
export function evidencePayload(
  blip: Blip,
  settings: EvidenceSettings,
  itmToken: ItmToken,
  { image, word, text }: EvidenceRequest,
): EvidencePayload | InferenceError {
  const cleaned = cleanCaption(word);
  if (cleaned === "") return emptyText(word);
  const maxTokens = longestText(blip);
  const alone = textAround(cleaned);
  // Also where the word is read by itself: whoever names a text means the word in it.
  const read = text ? cleanCaption(text) : alone;
  const located = locateWord(blip.tokenizer, read, cleaned, maxTokens);
  if (!located.found) return wordNotInText(word, text, located);
  if (settings.method === "patchCosine") {
    return { kind: "patchCosines", ids: blip.tokenizer.encode(alone, { first: "cls", maxTokens }), image };
  }
  const ids = blip.tokenizer.encode(read, { first: itmToken, maxTokens });
  const means = evidenceMeans(ids.length, located.positions);
  return { kind: "attentionMeans", ids, means, layer: settings.layer, image };
}

function wordNotInText(
  word: string,
  text: string | undefined,
  { isBeyond, words }: Extract<LocatedWord, { found: false }>,
): InferenceError {
  const quoted = JSON.stringify(word.slice(0, 60));
  const read = words.join(" ").slice(0, 200);
  const found = isBeyond ? `has ${quoted} only behind what the model reads` : `does not have the word ${quoted}`;
  const whole = text === undefined ? `The text around the word` : `The text ${JSON.stringify(text.slice(0, 200))}`;
  return new InferenceError("WORD_NOT_IN_TEXT", `${whole} ${found}. Name one of its words: ${read}.`);
}

/** What a worker gave, as a map. */
export function evidenceMap(blip: Blip, settings: EvidenceSettings, value: Float32Array): EvidenceMap {
  const side = gridSide(blip.vision);
  const grid = { rows: side, columns: side, method: settings.method };
  if (settings.method === "patchCosine") return { ...grid, values: scaleToUnit(value), peakCosine: Math.max(...value) };
  const heads = blip.textEncoder?.heads ?? 0;
  return { ...grid, values: scaleToUnit(contrastAttention(value, heads, settings)) };
}
