import type { DatasetParts, FoilPair, PictureCaptionPair } from "./dataset.ts";
import type { FindPicture } from "./find-picture.ts";
import { type FileRecord, readOptionalText, readText, refuse } from "./record.ts";

export function isPairLine({ fields }: FileRecord): boolean {
  return "image_0" in fields || "foil" in fields;
}

/**
 * Minimal pairs, one a line. Winoground's form {"image_0", "image_1", "caption_0", "caption_1", "tag"?}, or one picture with a
 * true and a false text: {"image", "caption", "foil", "kind"?}.
 */
export function readPairs(lines: readonly FileRecord[], findPicture: FindPicture): DatasetParts {
  const twoPictures: PictureCaptionPair[] = [];
  const onePicture: FoilPair[] = [];
  for (const line of lines) {
    if ("image_0" in line.fields) twoPictures.push(readTwoPictures(line, findPicture));
    else if ("foil" in line.fields) onePicture.push(readFoil(line, findPicture));
    else
      refuse(
        line.place,
        "the line",
        line.fields,
        '{"image_0", "image_1", "caption_0", "caption_1"} or {"image", "caption", "foil"}',
      );
  }
  return { pairs: { twoPictures, onePicture } };
}

function readTwoPictures(line: FileRecord, findPicture: FindPicture): PictureCaptionPair {
  const kind = readOptionalText(line, "collapsed_tag") ?? readOptionalText(line, "tag");
  return {
    pictures: [findPicture(readText(line, "image_0")), findPicture(readText(line, "image_1"))],
    captions: [readText(line, "caption_0"), readText(line, "caption_1")],
    ...(kind !== undefined && { kind }),
  };
}

function readFoil(line: FileRecord, findPicture: FindPicture): FoilPair {
  const kind = readOptionalText(line, "kind");
  return {
    picture: findPicture(readText(line, "image")),
    caption: readText(line, "caption"),
    foil: readText(line, "foil"),
    ...(kind !== undefined && { kind }),
  };
}
