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
}

// BLIP's caption evaluation: caption_coco.yaml (beams 3, max 20, min 5); sampling: models/blip.py:152 (penalty 1.1) with the
// text model's default top_k 50.
export const CAPTION_LENGTHS = { maxLength: 20, minLength: 5 } as const;
// BLIP's VQA evaluation: blip_vqa.py (beams 3, max 10, min 1).
export const ANSWER_LENGTHS = { maxLength: 10, minLength: 1 } as const;
const SAMPLING_REPETITION_PENALTY = 1.1;
const SAMPLING_TOP_K = 50;

/** Fills in the defaults of BLIP for one way of decoding. */
export function decodingSettings(
  decoding: Decoding,
  lengths: { readonly maxLength: number; readonly minLength: number },
): DecodingSettings {
  const nucleus = decoding.method === "nucleus";
  return {
    method: decoding.method,
    maxLength: decoding.maxLength ?? lengths.maxLength,
    minLength: decoding.minLength ?? lengths.minLength,
    repetitionPenalty: decoding.repetitionPenalty ?? (nucleus ? SAMPLING_REPETITION_PENALTY : 1),
    beams: decoding.method === "beam" ? decoding.beams : 1,
    topP: nucleus ? decoding.topP : 1,
    topK: nucleus ? (decoding.topK ?? SAMPLING_TOP_K) : 0,
    seed: nucleus ? decoding.seed : 0,
  };
}
