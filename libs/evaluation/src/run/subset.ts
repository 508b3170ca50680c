import type { Dataset, DatasetParts, RetrievalSet } from "../datasets/dataset.ts";
import type { Subset } from "./result.ts";

/**
 * A random part of a data set, the same for the same seed: at most `limit` pictures with their texts, captions, questions,
 * labelled pictures, and pairs of each form. The order of what stays is that of the data set. Figures of a subset are not those
 * of the whole: with fewer pictures to choose from, retrieval is easier. Baselines measured on the whole are therefore left out.
 */
export function takeSubset(dataset: Dataset, { limit, seed }: Subset): Dataset {
  const sample = <Item>(items: readonly Item[]) => sampleOf(items, limit, seed);
  const { retrieval, captions, questions, pairs, classes } = dataset;
  const parts: DatasetParts = {
    ...(retrieval && { retrieval: subsetOfRetrieval(retrieval, limit, seed) }),
    ...(captions && { captions: { ...captions, items: sample(captions.items) } }),
    ...(questions && { questions: sample(questions) }),
    ...(pairs && { pairs: { twoPictures: sample(pairs.twoPictures), onePicture: sample(pairs.onePicture) } }),
    ...(classes && { classes: { ...classes, items: sample(classes.items) } }),
  };
  return { name: dataset.name, source: dataset.source, baselines: [], ...parts };
}

function subsetOfRetrieval(set: RetrievalSet, limit: number, seed: number): RetrievalSet {
  const kept = sampleOf([...set.pictures.keys()], limit, seed);
  const positions = new Map(kept.map((old, position) => [old, position]));
  const texts = set.texts.flatMap((text) => {
    const pictures = text.pictures.flatMap((old) => positions.get(old) ?? []);
    return pictures.length > 0 ? [{ ...text, pictures }] : [];
  });
  return { ...set, pictures: set.pictures.filter((_, index) => positions.has(index)), texts };
}

function sampleOf<Item>(items: readonly Item[], limit: number, seed: number): readonly Item[] {
  if (items.length <= limit) return items;
  const order = shuffledIndices(items.length, seed).slice(0, limit);
  return order.toSorted((a, b) => a - b).map((index) => items[index] as Item);
}

/** The numbers 0..length - 1 in a random order that depends on the seed alone (Fisher and Yates). */
export function shuffledIndices(length: number, seed: number): number[] {
  const random = randomNumbers(seed);
  const order = Array.from({ length }, (_, index) => index);
  for (let end = length - 1; end > 0; end--) {
    const chosen = Math.floor(random() * (end + 1));
    [order[end], order[chosen]] = [order[chosen] as number, order[end] as number];
  }
  return order;
}

/** Numbers in [0, 1) from a 32-bit state stepped by the golden ratio and mixed (splitmix32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
