import type { VocabularyObject } from "../metrics/object-phrases.ts";
import type { CaptionItem, DatasetParts, Picture, RetrievalSet, RetrievalText } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import { type FileRecord, readOptionalText, readRecords, readText, readTexts, refuse, toRecord } from "./record.ts";

/** Name of the file with queries that no picture answers. */
export const UNANSWERED_FILE = "queries-without-answer.jsonl";
/** Name of the file with the objects that captions may name. */
export const OBJECTS_FILE = "objects.json";

export function isRetrievalLine({ fields }: FileRecord): boolean {
  return "image" in fields && "texts" in fields;
}

/**
 * Pictures with texts: {"image", "texts": [...], "group"?, "captions"?: [...], "objects"?: [...]} a line. `texts` are queries;
 * `captions`, where given, are references for the captioner. Queries without an answer are {"text"} a line.
 */
export function readRetrievalLines(
  lines: readonly FileRecord[],
  unanswered: readonly FileRecord[],
  objects: { readonly name: string; readonly value: unknown } | undefined,
  findPicture: FindPicture,
): DatasetParts {
  const entries = lines.map((line) => ({
    picture: findPicture(readText(line, "image")),
    texts: readTexts(line, "texts"),
    group: readOptionalText(line, "group"),
  }));
  const vocabulary = readObjects(objects);
  const captions = lines.flatMap((line) => captionItem(line, vocabulary, findPicture) ?? []);
  const queries = unanswered.map((line) => readText(line, "text"));
  return {
    retrieval: knownItemRetrieval(entries, queries),
    ...(captions.length > 0 && { captions: { items: captions, vocabulary } }),
  };
}

/** A picture with the queries that it is known to answer. */
export interface KnownItem {
  readonly picture: Picture;
  readonly texts: readonly string[];
  readonly group?: string | undefined;
}

/**
 * Queries of pictures that are known to be right answers. Texts that are the same but for letter case and white space are one
 * query, and every picture that has the text is right; a picture that comes twice is one.
 */
export function knownItemRetrieval(entries: readonly KnownItem[], unanswered: readonly string[] = []): RetrievalSet {
  const pictures: Picture[] = [];
  const positions = new Map<string, number>();
  const queries = new Map<string, { text: string; pictures: Set<number>; groups: Set<string> }>();
  for (const { picture, texts, group } of entries) {
    const place = JSON.stringify(picture.place);
    const position = positions.get(place) ?? pictures.push(picture) - 1;
    positions.set(place, position);
    for (const text of texts) {
      const key = text.trim().toLowerCase().replace(/\s+/g, " ");
      const query = queries.get(key) ?? { text: text.trim(), pictures: new Set(), groups: new Set() };
      query.pictures.add(position);
      if (group !== undefined) query.groups.add(group);
      queries.set(key, query);
    }
  }
  const texts = [...queries.values()].map(
    (query): RetrievalText => ({ text: query.text, pictures: [...query.pictures], groups: [...query.groups] }),
  );
  return { pictures, texts, unanswered };
}

function captionItem(
  line: FileRecord,
  vocabulary: readonly VocabularyObject[],
  findPicture: FindPicture,
): CaptionItem | undefined {
  if (line.fields["captions"] === undefined) return undefined;
  const group = readOptionalText(line, "group");
  return {
    picture: findPicture(readText(line, "image")),
    references: readTexts(line, "captions"),
    ...(group !== undefined && { group }),
    ...(line.fields["objects"] !== undefined && { objects: knownObjects(line, vocabulary) }),
  };
}

function knownObjects(line: FileRecord, vocabulary: readonly VocabularyObject[]): string[] {
  const names = readTexts(line, "objects");
  const unknown = names.find((name) => vocabulary.every((known) => known.name !== name));
  return unknown === undefined ? names : refuse(line.place, '"objects"', unknown, `a "name" of ${OBJECTS_FILE}`);
}

/** {"objects": [{"name", "synonyms"?: [...]}]} */
function readObjects(file: { readonly name: string; readonly value: unknown } | undefined): VocabularyObject[] {
  if (!file) return [];
  return readRecords(toRecord(file.value, { file: file.name }, ""), "objects").map((record) => ({
    name: readText(record, "name"),
    synonyms: record.fields["synonyms"] === undefined ? [] : readTexts(record, "synonyms"),
  }));
}
