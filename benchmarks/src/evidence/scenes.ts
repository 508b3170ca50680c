import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { randomSource } from "../random-source.ts";
import type { NamedPicture } from "./pictures.ts";

/** A part of a scene, as shares of its width and height. */
export interface Cell {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Several pictures on one sheet, and what is where. */
export interface Scene {
  readonly png: Uint8Array;
  /** In the order in which the text names them, which says nothing about where they are. */
  readonly things: readonly { readonly word: string; readonly cell: Cell; readonly isInReadingOrder: boolean }[];
  readonly text: string;
  /** As many words of pictures that are not in the scene. */
  readonly absent: readonly string[];
}

const SIDE = 384;
const HALF = SIDE / 2;

/** Where pictures lie: two side by side, or four in the corners. */
export const LAYOUTS = {
  two: [
    [0, HALF / 2],
    [HALF, HALF / 2],
  ],
  four: [
    [0, 0],
    [HALF, 0],
    [0, HALF],
    [HALF, HALF],
  ],
} as const;
export type Layout = keyof typeof LAYOUTS;

/** Scenes that follow from the seed. Order of words and order of places are drawn apart from each other. */
export async function composeScenes(
  pictures: readonly NamedPicture[],
  layout: Layout,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Scene[]> {
  const random = randomSource(seed);
  const places = LAYOUTS[layout];
  const scenes: Scene[] = [];
  for (let number = 0; number < count; number += 1) {
    const drawn = differing(shuffled(pictures, random)).slice(0, 2 * places.length);
    const shown = drawn.slice(0, places.length);
    const order = shuffled([...places.keys()], random);
    scenes.push({
      png: await sheet(shown, places),
      things: order.map((place, named) => ({
        word: (shown[place] as NamedPicture).word,
        cell: cellAt(places[place] as readonly [number, number]),
        isInReadingOrder: place === named,
      })),
      text: sentence(order.map((place) => (shown[place] as NamedPicture).word)),
      absent: drawn.slice(places.length).map(({ word }) => word),
    });
  }
  return scenes;
}

async function sheet(
  shown: readonly NamedPicture[],
  places: readonly (readonly [number, number])[],
): Promise<Uint8Array> {
  const layers = await Promise.all(
    shown.map(async ({ file }, index) => {
      // By its bytes: where libs/media is loaded, libvips opens no files.
      const input = await sharp(await readFile(file))
        .flatten({ background: "white" })
        .resize(HALF, HALF, { fit: "fill" })
        .png()
        .toBuffer();
      const [left, top] = places[index] as readonly [number, number];
      return { input, left, top };
    }),
  );
  const white = { create: { width: SIDE, height: SIDE, channels: 3, background: "white" } } as const;
  return new Uint8Array(await sharp(white).composite(layers).removeAlpha().png().toBuffer());
}

function cellAt([left, top]: readonly [number, number]): Cell {
  return { left: left / SIDE, top: top / SIDE, width: HALF / SIDE, height: HALF / SIDE };
}

function sentence(words: readonly string[]): string {
  const parts = words.map((word) => `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`);
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** The first picture of each word. */
function differing(pictures: readonly NamedPicture[]): NamedPicture[] {
  return [...new Map(pictures.toReversed().map((one) => [one.word, one])).values()].toReversed();
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
