import { type CaptionPair, requirePairs, wordsOf } from "./caption-pair.ts";
import { mean } from "./mean.ts";
import { countNgrams, LONGEST_NGRAM, type NgramCounts } from "./n-grams.ts";

export interface CiderD {
  /** Mean of `perItem`. Papers print it times 100: 1.333 here is their 133.3. */
  readonly mean: number;
  /** In [0, 10]; higher is better. */
  readonly perItem: readonly number[];
}

/** Width of the length penalty, in words. */
const SIGMA = 6;
const SCALE = 10;

/** A caption as one vector for each length of n-gram, weighted by how telling the n-grams are. */
interface WeightedCaption {
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  /** Pairs of neighbouring words, which is what the reference takes for the length. */
  readonly length: number;
}

/**
 * CIDEr-D (Vedantam et al., CVPR 2015) with document frequencies from the references of the same set: an n-gram that the
 * references of every picture have weighs nothing, so one picture alone always scores 0, and scores of two sets cannot be compared.
 * Equal to `Cider` of pycocoevalcap 1.2 (which is CIDEr-D, with clipping and the length penalty) to 1e-6 (cider-d.test.ts).
 */
export function ciderD(pairs: readonly CaptionPair[]): CiderD {
  requirePairs(pairs);
  const references = pairs.map((pair) => pair.references.map((text) => countNgrams(wordsOf(text))));
  const weigh = weigherOf(references);
  const perItem = pairs.map((pair, index) => {
    const candidate = weigh(countNgrams(wordsOf(pair.candidate)));
    const similarities = (references[index] ?? []).map((reference) => similarityOf(candidate, weigh(reference)));
    return mean(similarities) * SCALE;
  });
  return { mean: mean(perItem), perItem };
}

/** Weight = count * (ln(pictures) - ln(pictures with the n-gram in any reference)); an unseen n-gram counts as in one picture. */
function weigherOf(references: readonly (readonly NgramCounts[])[]): (counts: NgramCounts) => WeightedCaption {
  const pictures = new Map<string, number>();
  for (const captions of references) {
    const ngrams = new Set(captions.flatMap((counts) => counts.flatMap((runs) => [...runs.keys()])));
    for (const ngram of ngrams) pictures.set(ngram, (pictures.get(ngram) ?? 0) + 1);
  }
  const most = Math.log(references.length);
  const idf = (ngram: string) => most - Math.log(Math.max(1, pictures.get(ngram) ?? 0));
  return (counts) => {
    const weights = counts.map((runs) => new Map([...runs].map(([ngram, count]) => [ngram, count * idf(ngram)])));
    const norms = weights.map((vector) => Math.hypot(...vector.values()));
    const length = [...(counts[1]?.values() ?? [])].reduce((sum, count) => sum + count, 0);
    return { weights, norms, length };
  };
}

/** Mean over the lengths of n-grams of the clipped cosine, in [0, 1], times the penalty for differing in length. */
function similarityOf(candidate: WeightedCaption, reference: WeightedCaption): number {
  let sum = 0;
  for (const [index, weights] of candidate.weights.entries()) {
    const other = reference.weights[index];
    let product = 0;
    for (const [ngram, weight] of weights) {
      const otherWeight = other?.get(ngram) ?? 0;
      product += Math.min(weight, otherWeight) * otherWeight;
    }
    const norm = (candidate.norms[index] ?? 0) * (reference.norms[index] ?? 0);
    if (norm > 0) sum += product / norm;
  }
  return (sum / LONGEST_NGRAM) * Math.exp(-((candidate.length - reference.length) ** 2) / (2 * SIGMA ** 2));
}
