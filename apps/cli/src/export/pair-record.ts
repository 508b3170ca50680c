import type { ExportedCaption, ExportedImage } from "@medley/storage";

/**
 * What is said about a picture. `licence` is "unknown" where the picture came without one: a trainer that keeps to licences then leaves it out
 * and says why, instead of taking silence for permission.
 */
export interface PictureRecord {
  readonly licence: string;
  readonly source: string;
  /** Samples of one group show the same picture. */
  readonly group: string;
  readonly imageId: string;
  readonly sha256: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly origins: readonly string[];
  readonly attributes: ExportedImage["attributes"];
}

/** A caption with its picture and its whole provenance: the JSON of a sample and a row of the table. */
export type PairRecord = PictureRecord & {
  readonly captionId: string;
  readonly captionSource: ExportedCaption["source"];
} & Omit<ExportedCaption, "id" | "imageId" | "text" | "source">;

export function pictureRecord(image: ExportedImage): PictureRecord {
  const { attributes } = image;
  const named = (...names: readonly string[]) =>
    names
      .map((name) => attributes[name])
      .find((value): value is string => typeof value === "string" && value.trim() !== "");
  return {
    licence: named("licence", "license") ?? "unknown",
    source: named("source") ?? "",
    group: image.sha256,
    imageId: image.id,
    sha256: image.sha256,
    width: image.width,
    height: image.height,
    origins: image.origins,
    attributes,
  };
}

export function pairRecord(image: ExportedImage, caption: ExportedCaption): PairRecord {
  const { id, imageId: _imageId, text: _text, source, ...provenance } = caption;
  return { ...pictureRecord(image), captionId: id, captionSource: source, ...provenance };
}

/** Questions that came with a picture, as a trainer reads them; undefined where there are none, or something else has that name. */
export function questionsOf({ attributes }: ExportedImage): readonly unknown[] | undefined {
  const { questions } = attributes;
  if (!Array.isArray(questions) || questions.length === 0 || !questions.every(isQuestion)) return undefined;
  return questions;
}

function isQuestion(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { question, answer, answers } = value as Record<string, unknown>;
  if (typeof question !== "string" || question.trim() === "") return false;
  if (answers === undefined) return typeof answer === "string" && answer.trim() !== "";
  if (Array.isArray(answers)) return answers.some((each) => typeof each === "string" && each.trim() !== "");
  if (typeof answers !== "object" || answers === null) return false;
  const weights = Object.values(answers);
  return weights.length > 0 && weights.every((weight) => typeof weight === "number" && weight > 0);
}

const ENDINGS: Readonly<Record<string, string>> = {
  jpeg: "jpg",
  png: "png",
  webp: "webp",
  gif: "gif",
  tiff: "tiff",
  heif: "avif",
};

/** Ending of a picture's file name; "bin" while nobody has read the bytes. */
export function endingOf({ format }: ExportedImage): string {
  return format === null ? "bin" : (ENDINGS[format] ?? format.replace(/[^a-z0-9]/g, ""));
}
