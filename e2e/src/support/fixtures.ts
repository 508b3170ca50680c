import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES } from "./medley.ts";
import { pngOfRgb } from "./png.ts";

interface Generation {
  readonly tokenIds: readonly number[];
}

/** What the reference implementation computed from a fixture; only what the stories read. */
export interface Reference {
  readonly imageSize: number;
  readonly texts: readonly { readonly text: string }[];
  /** [picture][text] */
  readonly itcCosines: number[][];
  /** [picture][text][no match, match] */
  readonly itmLogitsEnc: number[][][];
  readonly itmLogitsCls: number[][][];
  readonly generations: readonly {
    readonly picture: number;
    readonly prefix: "noPrompt" | "prompt";
    readonly options: string;
    readonly greedy: Generation;
    readonly beam_4_15: Generation;
    readonly beam: Generation;
  }[];
  readonly questions: readonly { readonly text: string }[];
  readonly pairs: readonly {
    readonly picture: number;
    readonly question: number;
    readonly enc: { readonly greedy: Generation };
    readonly cls: { readonly greedy: Generation };
  }[];
}

export function readReference(fixture: string): Reference {
  return JSON.parse(readFileSync(join(FIXTURES, fixture, "reference.json"), "utf8")) as Reference;
}

/** Writes the first four pictures of a fixture as PNG files of exactly the model's size: nothing is resized. */
export function writePictures(fixture: string, folder: string): string[] {
  const { imageSize } = readReference(fixture);
  const bytes = readFileSync(join(FIXTURES, fixture, "pictures.bin"));
  const size = imageSize * imageSize * 3;
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: bytes.length / size }, (_, index) => {
    const file = join(folder, `picture-${index}.png`);
    writeFileSync(file, pngOfRgb(bytes.subarray(index * size, (index + 1) * size), imageSize, imageSize));
    return file;
  });
}

/** Writes the items as the lines of an input file. Returns its path. */
export function writeLines(file: string, items: readonly object[]): string {
  writeFileSync(file, items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  return file;
}
