import {
  type ExportedCaption,
  exportedCaptions,
  type ExportedImage,
  exportedImages,
  ledgerLinesOf,
  type Queryable,
} from "@medley/storage";

/** Pictures that are read, with all that belongs to them, at a time. */
const PAGE_PICTURES = 100;

/** Pictures by SHA-256 with their captions by id and their lines of the ledger. */
export interface CorpusPage {
  readonly pictures: readonly { readonly image: ExportedImage; readonly captions: readonly ExportedCaption[] }[];
  readonly ledgerLines: readonly string[];
}

/** A corpus page by page: memory does not grow with it. */
export async function* corpusPages(db: Queryable, corpusId: string): AsyncGenerator<CorpusPage> {
  let after: string | null = null;
  for (;;) {
    const images: ExportedImage[] = await exportedImages(db, corpusId, { after, limit: PAGE_PICTURES });
    const last = images.at(-1);
    if (!last) return;
    const imageIds = images.map(({ id }) => id);
    const byImage = new Map<string, ExportedCaption[]>(imageIds.map((id) => [id, []]));
    for (const caption of await exportedCaptions(db, imageIds)) byImage.get(caption.imageId)?.push(caption);
    const ledgerLines = await ledgerLinesOf(db, imageIds);
    yield { pictures: images.map((image) => ({ image, captions: byImage.get(image.id) ?? [] })), ledgerLines };
    after = last.sha256;
  }
}
