import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { PassOrder, ResizeFilter, RgbPixels } from "./resize.ts";

// Reads what fixtures/make_fixtures.py wrote. Test code only.

interface Stored {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
}

interface StoredPicture extends Record<"drop" | "white" | "dropFull" | "whiteFull", Stored> {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rowStep: number;
}

interface StoredResize {
  readonly filter: ResizeFilter;
  readonly source: Stored;
  readonly expected: Stored;
  readonly expectedPillow12?: Stored;
}

const FOLDER = new URL("../fixtures/", import.meta.url);
const index: { side: number; pictures: StoredPicture[]; resizes: StoredResize[] } = JSON.parse(
  readFileSync(new URL("expected.json", FOLDER), "utf8"),
);
const blob = gunzipSync(readFileSync(new URL("expected.bin.gz", FOLDER)));

function stored({ offset, width, height }: Stored): RgbPixels {
  return { width, height, data: new Uint8Array(blob.subarray(offset, offset + width * height * 3)) };
}

export const EXPECTED_SIDE = index.side;

export function sourceBytes(file: string): Uint8Array {
  return readFileSync(new URL(`sources/${file}`, FOLDER));
}

/** Every fixture picture with Pillow's result: every rowStep-th row of the full size, and the whole resized picture. */
export function fixturePictures() {
  return index.pictures.map(({ file, width, height, rowStep, ...pixels }) => ({
    file,
    width,
    height,
    rowStep,
    rows: { drop: stored(pixels.dropFull), white: stored(pixels.whiteFull) },
    resized: { drop: stored(pixels.drop), white: stored(pixels.white) },
  }));
}

export function fixtureResizes() {
  return index.resizes.flatMap(({ filter, source, expected, expectedPillow12 }) => {
    const orders: [PassOrder, Stored][] = [
      ["pillow-13", expected],
      ["pillow-12", expectedPillow12 ?? expected],
    ];
    return orders.map(([passOrder, wanted]) => ({
      name: `${filter} ${source.width}x${source.height} to ${wanted.width}x${wanted.height}, ${passOrder}`,
      filter,
      passOrder,
      source: stored(source),
      expected: stored(wanted),
    }));
  });
}

export interface Difference {
  /** Largest difference of one 8-bit value. */
  readonly max: number;
  readonly mean: number;
}

export function difference(ours: Uint8Array, theirs: Uint8Array): Difference {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} bytes beside ${theirs.length}`);
  let max = 0;
  let sum = 0;
  for (let i = 0; i < ours.length; i++) {
    const distance = Math.abs((ours[i] as number) - (theirs[i] as number));
    if (distance > max) max = distance;
    sum += distance;
  }
  return { max, mean: sum / ours.length };
}

export function everyRow(image: RgbPixels, step: number): Uint8Array {
  const rows: Uint8Array[] = [];
  for (let y = 0; y < image.height; y += step) {
    rows.push(image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3));
  }
  return Buffer.concat(rows);
}
