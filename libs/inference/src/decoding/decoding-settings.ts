import type { Decoding } from "@medley/inference-api";

/** Lengths count the whole sequence: prefix, generated tokens and end token. */
export interface DecodingSettings {
  readonly method: Decoding["method"];
  readonly maxLength: number;
  readonly minLength: number;
  readonly repetitionPenalty: number;
  readonly beams: number;
  readonly topP: number;
  readonly topK: number;
  readonly seed: number;
  /** How many texts are wanted of each source; beam search has one for each beam, greedy decoding one. */
  readonly texts: number;
}

// BLIP's caption evaluation: caption_coco.yaml (beams 3, max 20, min 5); sampling: models/blip.py:152 (penalty 1.1) with the
// text model's default top_k 50.
export const CAPTION_LENGTHS = { maxLength: 20, minLength: 5 } as const;
// BLIP's VQA evaluation: blip_vqa.py (beams 3, max 10, min 1).
export const ANSWER_LENGTHS = { maxLength: 10, minLength: 1 } as const;
const SAMPLING_REPETITION_PENALTY = 1.1;
const SAMPLING_TOP_K = 50;

/**
 * Fills in the defaults of BLIP for one way of decoding.
 * @param texts how many texts are wanted; cut to what the way of decoding can find
 */
export function decodingSettings(
  decoding: Decoding,
  lengths: { readonly maxLength: number; readonly minLength: number },
  texts = 1,
): DecodingSettings {
  const nucleus = decoding.method === "nucleus";
  const beams = decoding.method === "beam" ? decoding.beams : 1;
  return {
    method: decoding.method,
    maxLength: decoding.maxLength ?? lengths.maxLength,
    minLength: decoding.minLength ?? lengths.minLength,
    repetitionPenalty: decoding.repetitionPenalty ?? (nucleus ? SAMPLING_REPETITION_PENALTY : 1),
    beams,
    topP: nucleus ? decoding.topP : 1,
    topK: nucleus ? (decoding.topK ?? SAMPLING_TOP_K) : 0,
    seed: nucleus ? decoding.seed : 0,
    texts: nucleus ? texts : Math.min(texts, beams),
  };
}
