import type { CaptionItem, DatasetParts, RetrievalText } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import {
  type FileRecord,
  listOfRecords,
  readOptionalText,
  readRecords,
  readText,
  readTexts,
  toRecord,
} from "./record.ts";

/**
 * Captions of COCO or Flickr30k: Karpathy's dataset_coco.json and dataset_flickr30k.json
 * ({"images": [{"filepath", "filename", "split", "sentences": [{"raw"}]}]}), or BLIP's own lists coco_karpathy_test.json and
 * flickr30k_test.json ([{"image", "caption": [texts]}]).
 */
export function readKarpathy(
  file: { readonly name: string; readonly value: unknown },
  split: string,
  findPicture: FindPicture,
): DatasetParts {
  const items = Array.isArray(file.value)
    ? listOfRecords(file.value, { file: file.name }, "").map((record) => blipItem(record, findPicture))
    : karpathyItems(toRecord(file.value, { file: file.name }, ""), split, findPicture);
  return partsOf(items);
}

/** Whether a parsed .json file is one of the two forms. */
export function isKarpathy(value: unknown): boolean {
  if (Array.isArray(value)) return has(value[0], "image") && has(value[0], "caption");
  if (typeof value !== "object" || value === null || !("images" in value) || !Array.isArray(value.images)) return false;
  return has(value.images[0], "sentences");
}

function has(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && key in value;
}

function blipItem(record: FileRecord, findPicture: FindPicture): CaptionItem {
  return { picture: findPicture(readText(record, "image")), references: readTexts(record, "caption") };
}

function karpathyItems(file: FileRecord, split: string, findPicture: FindPicture): CaptionItem[] {
  return readRecords(file, "images").flatMap((image) => {
    if (readText(image, "split") !== split) return [];
    const name = readText(image, "filename");
    const folder = readOptionalText(image, "filepath");
    const picture = folder === undefined ? findPicture(name) : findPicture(`${folder}/${name}`, [name]);
    const cocoId = image.fields["cocoid"];
    return [
      {
        picture,
        references: readRecords(image, "sentences").map((sentence) => readText(sentence, "raw")),
        ...(typeof cocoId === "number" && { imageId: cocoId }),
      },
    ];
  });
}

/** Each caption is a query of its own with one right picture, also where two pictures have the same caption, as in BLIP. */
function partsOf(items: readonly CaptionItem[]): DatasetParts {
  const texts = items.flatMap(({ references }, picture): RetrievalText[] =>
    references.map((text) => ({ text, pictures: [picture], groups: [] })),
  );
  return {
    retrieval: { pictures: items.map(({ picture }) => picture), texts, unanswered: [] },
    captions: { items, vocabulary: [] },
  };
}
