import { topIndices } from "./scores.ts";

/** One token of the nucleus with its renormalised probability. */
export interface Candidate {
  readonly token: number;
  readonly probability: number;
}

/**
 * The distribution that nucleus sampling draws from: the top k tokens, then the smallest set of them whose probability
 * reaches p, the token that crosses it included (Holtzman et al. 2020; order of filters as in `transformers`).
 * @param logits raw logits after the repetition penalty and the minimum length
 * @returns best first; probabilities sum to 1
 */
export function nucleus(logits: Float32Array, topK: number, topP: number): readonly Candidate[] {
  const kept = topIndices(logits, topK > 0 ? Math.min(topK, logits.length) : logits.length);
  const highest = logits[kept[0] as number] as number;
  const weights = kept.map((token) => Math.exp((logits[token] as number) - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const inside: Candidate[] = [];
  let mass = 0;
  for (const [index, token] of kept.entries()) {
    const probability = (weights[index] as number) / total;
    inside.push({ token, probability });
    mass += probability;
    if (mass >= topP) break;
  }
  return inside.map((candidate) => ({ ...candidate, probability: candidate.probability / mass }));
}

/** Draws one candidate. @param uniform a number in [0, 1) */
export function drawCandidate(candidates: readonly Candidate[], uniform: number): Candidate {
  let left = uniform;
  for (const candidate of candidates) {
    left -= candidate.probability;
    if (left < 0) return candidate;
  }
  return candidates[candidates.length - 1] as Candidate;
}

/**
 * A reproducible stream of numbers in [0, 1) (mulberry32). The stream of a picture depends on its seed only, never on what
 * else is in its batch.
 */
export function uniformStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
