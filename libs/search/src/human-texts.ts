import { type Caption, captionsOf, type Database, findCorpus, type Image, listImages } from "@medley/storage";
import { SearchError } from "./errors.ts";

/** An image with the texts that people wrote about it. */
export interface ImageWithTexts {
  readonly image: Image;
  /** Oldest first, each once; empty where nobody wrote anything. */
  readonly texts: readonly string[];
}

/** What a model wrote says nothing about what people would search for, and imported texts may be either. */
const WRITTEN_BY_PEOPLE: ReadonlySet<Caption["source"]> = new Set(["WEB", "HUMAN"]);

const IMAGES_PER_PAGE = 500;

/**
 * All images of a corpus with their WEB and HUMAN captions: queries whose right answers are known.
 * @throws SearchError CORPUS_NOT_FOUND
 */
export async function imagesWithHumanTexts(db: Database, corpusName: string): Promise<ImageWithTexts[]> {
  const corpus = await findCorpus(db, corpusName);
  if (corpus === null) {
    const sentence = `There is no corpus "${corpusName}". List the corpora, or ingest into it first.`;
    throw new SearchError("CORPUS_NOT_FOUND", sentence);
  }
  const found: ImageWithTexts[] = [];
  for (let after: string | undefined; ; ) {
    const page = await listImages(db, corpus.id, { after, limit: IMAGES_PER_PAGE });
    const captions = await captionsOf(
      db,
      page.map(({ id }) => id),
    );
    for (const image of page) found.push({ image, texts: textsByPeople(captions.get(image.id) ?? []) });
    after = page.at(-1)?.id;
    if (page.length < IMAGES_PER_PAGE || after === undefined) return found;
  }
}

/** A sentence of a longer text is in that text; what a person replaced or rejected describes the picture no longer. */
function textsByPeople(captions: readonly Caption[]): string[] {
  const inUse = captions.filter(
    ({ source, partOf, reason, verdict }) =>
      WRITTEN_BY_PEOPLE.has(source) &&
      partOf === null &&
      reason !== "SUPERSEDED" &&
      !(reason === "REVIEWED" && verdict === "REJECTED"),
  );
  return [...new Set(inUse.map(({ text }) => text))];
}
