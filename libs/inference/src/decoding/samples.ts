import type { DecodingSettings } from "./decoding-settings.ts";
import { drawCandidate, nucleus, uniformStream } from "./nucleus.ts";
import { argmax, logSoftmax, penalizeRepetition } from "./scores.ts";
import type { Hypothesis, TextSearch } from "./text-search.ts";

interface Sample extends Hypothesis {
  readonly done: boolean;
  readonly uniform: () => number;
}

/**
 * Greedy decoding, or nucleus sampling of as many texts as the settings want. Sample i is what the seed + i gives alone; the first is the
 * text, and the others are its alternatives, likeliest first. Log-probabilities are the model's own, before penalties and filters.
 */
export function createSamples(prefix: readonly number[], endToken: number, settings: DecodingSettings): TextSearch {
  const count = settings.method === "nucleus" ? settings.texts : 1;
  let begun = false;
  let samples: readonly Sample[] = Array.from({ length: count }, (_, index) => ({
    tokens: prefix,
    logProbability: 0,
    done: prefix.length >= settings.maxLength,
    uniform: uniformStream(settings.seed + index),
  }));

  function nextToken(row: Float32Array, { tokens, uniform }: Sample): number {
    const scores = Float32Array.from(row);
    penalizeRepetition(scores, tokens, settings.repetitionPenalty);
    if (tokens.length < settings.minLength) scores[endToken] = Number.NEGATIVE_INFINITY;
    if (settings.method !== "nucleus") return argmax(scores);
    return drawCandidate(nucleus(scores, settings.topK, settings.topP), uniform()).token;
  }

  function extend(sample: Sample, row: Float32Array): Sample {
    if (sample.done) return sample;
    const token = nextToken(row, sample);
    const tokens = [...sample.tokens, token];
    const logProbability = sample.logProbability + (logSoftmax(row)[token] as number);
    return { ...sample, tokens, logProbability, done: token === endToken || tokens.length >= settings.maxLength };
  }

  return {
    sequences: () => (begun ? samples.map(({ tokens }) => tokens) : [prefix]),
    order: () => (begun ? samples.map((_, index) => index) : [0]),
    done: () => samples.every(({ done }) => done),
    advance(logits) {
      samples = samples.map((sample, index) => extend(sample, (begun ? logits[index] : logits[0]) as Float32Array));
      begun = true;
    },
    found: () => {
      const [text, ...others] = samples.map(({ tokens, logProbability }) => ({ tokens, logProbability }));
      return [text as Hypothesis, ...others.toSorted((a, b) => b.logProbability - a.logProbability)];
    },
  };
}
