import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";

const IMAGES = fileURLToPath(new URL("../../../assets/demo/images", import.meta.url));

/** A picture of one thing, which its file name says. */
export interface NamedPicture {
  readonly file: string;
  /** What it shows, in words. */
  readonly word: string;
}

/** Settings are chosen on one half of the drawings alone; figures come from the other, and from photographs. */
export const HALVES = ["choosing", "held-out"] as const;
export type Half = (typeof HALVES)[number];

/** Fluent 3D drawings, a style that the bundled model was never trained on. The check sum of its file name decides which half one is in. */
export function drawingsOf(half: Half): NamedPicture[] {
  const wanted = half === "choosing" ? 0 : 1;
  return named("fluent-3d", /^(.*)\.webp$/).filter(({ file }) => crc32(Buffer.from(baseName(file))) % 2 === wanted);
}

/** Photographs of animals, never trained on. Nothing is chosen on them. */
export function animalPhotographs(): NamedPicture[] {
  return named("gcompris", /^(?:farm|world)-animals-(.*)\.webp$/).filter(({ word }) => word !== "dragon");
}

/** Photographs of landscapes, of a kind that others were trained on. Nothing is chosen on them. */
export function landscapes(): NamedPicture[] {
  return named("endless-sky", /^([a-z]+)\d*\.webp$/).filter(({ word }) => word !== "nasa");
}

function named(folder: string, pattern: RegExp): NamedPicture[] {
  return readdirSync(join(IMAGES, folder))
    .sort()
    .flatMap((name) => {
      const word = pattern.exec(name)?.[1]?.replaceAll("-", " ");
      return word === undefined ? [] : [{ file: join(IMAGES, folder, name), word }];
    });
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
