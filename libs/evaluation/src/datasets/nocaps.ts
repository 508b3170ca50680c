import type { CaptionItem, DatasetParts } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import { readId, readOptionalText, readRecords, readText, refuse, toRecord } from "./record.ts";

/** COCO's own form of captions, which NoCaps adds a domain to. */
export function isNocaps(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { images, annotations } = value as { images?: unknown; annotations?: unknown };
  if (!Array.isArray(images) || !Array.isArray(annotations)) return false;
  const [image, annotation] = [images[0] as unknown, annotations[0] as unknown];
  return isObject(image) && "file_name" in image && isObject(annotation) && "caption" in annotation;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * NoCaps: {"images": [{"id", "file_name", "domain"}], "annotations": [{"image_id", "caption"}]}. Pictures without a domain
 * (COCO's captions_val2014.json) have no group.
 */
export function readNocaps(
  file: { readonly name: string; readonly value: unknown },
  findPicture: FindPicture,
): DatasetParts {
  const record = toRecord(file.value, { file: file.name }, "");
  const references = new Map<number | string, string[]>();
  for (const annotation of readRecords(record, "annotations")) {
    const id = readId(annotation, "image_id");
    const earlier = references.get(id) ?? [];
    references.set(id, [...earlier, readText(annotation, "caption")]);
  }
  const items = readRecords(record, "images").map((image): CaptionItem => {
    const imageId = readId(image, "id");
    const own = references.get(imageId);
    if (!own) return refuse(image.place, `"${image.path}.id"`, imageId, 'the "image_id" of at least one annotation');
    const group = readOptionalText(image, "domain");
    const picture = findPicture(readText(image, "file_name"));
    return { picture, imageId, references: own, ...(group !== undefined && { group }) };
  });
  return { captions: { items, vocabulary: [] } };
}
