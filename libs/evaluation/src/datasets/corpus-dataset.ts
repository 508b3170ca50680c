import type { Dataset } from "./dataset.ts";
import { knownItemRetrieval } from "./retrieval-lines.ts";

/** An image of a stored corpus with the captions that people wrote for it. */
export interface CorpusPicture {
  readonly name: string;
  readonly sha256: string;
  readonly captions: readonly string[];
}

/** Known-item retrieval: every picture of the corpus is in the set, and each caption is a query for its pictures. */
export function corpusDataset(corpus: string, pictures: readonly CorpusPicture[]): Dataset {
  const entries = pictures.map(({ name, sha256, captions }) => ({
    picture: { name, place: { sha256 } } as const,
    texts: captions,
  }));
  return { name: corpus, source: `corpus ${corpus}`, baselines: [], retrieval: knownItemRetrieval(entries) };
}
