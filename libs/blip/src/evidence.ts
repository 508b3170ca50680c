import type { TextGeometry } from "./geometry.ts";

/** How the places in a picture that speak for a word are found. */
export type EvidenceSettings =
  /** Cosine of the word's ITC embedding and every patch's, made as the picture's is made from [CLS]. The word is read by itself. */
  | { readonly method: "patchCosine" }
  /** Where the matching head looks at the word's tokens, against where it looks at the text's others. The word is read in its text. */
  | {
      readonly method: "crossAttention";
      /** Index from 0 of the matcher's layer. */
      readonly layer: number;
      /** Indices from 0 of the heads whose mean is taken; all when absent. */
      readonly heads?: readonly number[];
      readonly contrast: EvidenceContrast;
    };

export type EvidenceContrast = "difference" | "ratio";

/**
 * What a model set that says nothing gets: two thirds of the way up, layer 8 of BLIP base, where ALBEF takes its GradCAM maps (block_num = 8). These
 * weigh the heads by gradients; forward only, the mean of all stands in for that.
 */
export function defaultEvidence({ layers }: TextGeometry): EvidenceSettings {
  return { method: "crossAttention", layer: Math.floor((2 * layers) / 3), contrast: "ratio" };
}

/** What a word is read in when there is no text around it: the prompt of BLIP's captions. */
export function textAround(word: string): string {
  return `a picture of ${word}`;
}

/**
 * Weights of the two means that `evidenceGraph` takes over tokens: the word's, and all others'.
 * @param length    tokens of the text, L
 * @param positions of the word's tokens
 * @returns         float32 [2, L]
 */
export function evidenceMeans(length: number, positions: readonly number[]): Float32Array {
  const means = new Float32Array(2 * length);
  const inWord = new Set(positions);
  for (let place = 0; place < length; place += 1) {
    if (inWord.has(place)) means[place] = 1 / inWord.size;
    else means[length + place] = 1 / (length - inWord.size);
  }
  return means;
}

// Far below what a token gets on average (1/577): keeps a ratio of two vanishing attentions from meaning anything.
const LEAST_ATTENTION = 1e-6;

/**
 * How much more the word's tokens look at each patch than the text's other tokens do.
 * @param attention float32 [H, 2, T] of one image, as `evidenceGraph` gives it for `evidenceMeans`
 * @param heads     H
 * @returns         float32 [T - 1], patches by rows; a difference, or a ratio
 */
export function contrastAttention(
  attention: Float32Array,
  heads: number,
  settings: Extract<EvidenceSettings, { method: "crossAttention" }>,
): Float32Array {
  const tokens = attention.length / (2 * heads);
  const chosen = settings.heads ?? Array.from({ length: heads }, (_, head) => head);
  const mean = (which: 0 | 1, token: number): number => {
    let sum = 0;
    for (const head of chosen) sum += attention[(2 * head + which) * tokens + token] as number;
    return sum / chosen.length;
  };
  return Float32Array.from({ length: tokens - 1 }, (_, patch) => {
    const word = mean(0, patch + 1);
    const others = mean(1, patch + 1);
    return settings.contrast === "difference" ? word - others : word / (others + LEAST_ATTENTION);
  });
}

/** Scales values so that the least is 0 and the greatest 1; all are 0 where they are the same. */
export function scaleToUnit(values: Float32Array): Float32Array {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const span = greatest - least;
  return values.map((value) => (span > 0 ? (value - least) / span : 0));
}
