import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { randomSource } from "../random-source.ts";
import { makePhotograph } from "./photographs.ts";

/** Sizes of cameras, one of them upright. */
const PHOTOGRAPHS = [
  [4000, 3000],
  [4032, 3024],
  [3000, 4000],
  [4000, 3000],
] as const;
/** Part of a photograph that becomes one small picture. */
const SMALLEST_PART = 1200;

/** JPEGs of 12 megapixels, made once a machine in MEDLEY_BENCH_DIRECTORY or the system's temporary folder (a few seconds each). */
export async function photographs(): Promise<readonly Buffer[]> {
  const folder = join(process.env["MEDLEY_BENCH_DIRECTORY"] ?? join(tmpdir(), "medley-benchmarks"), "photographs");
  await mkdir(folder, { recursive: true });
  const files: Buffer[] = [];
  for (const [index, [width, height]] of PHOTOGRAPHS.entries()) {
    const path = join(folder, `photograph-${index + 1}.jpg`);
    if (!existsSync(path)) {
      await writeFile(`${path}.draft`, await makePhotograph(index + 1, width, height));
      await rename(`${path}.draft`, path);
    }
    files.push(await readFile(path));
  }
  return files;
}

/**
 * Fills a folder with different JPEGs, parts of the photographs. Their names are a camera's, which hold no words, so that only pictures are to be
 * embedded. @param first number of the first, so that no two folders have a picture in common
 */
export async function writePictures(
  folder: string,
  { first, count, width, height }: { first: number; count: number; width: number; height: number },
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const [photograph] = await photographs();
  const { data, info } = await sharp(photograph).raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const paths: string[] = [];
  for (let number = first; number < first + count; number++) {
    const random = randomSource(number);
    const partWidth = Math.round(SMALLEST_PART * (1 + random()));
    const partHeight = Math.round((partWidth * height) / width);
    const part = {
      left: Math.floor(random() * (info.width - partWidth)),
      top: Math.floor(random() * (info.height - partHeight)),
      width: partWidth,
      height: partHeight,
    };
    const path = join(folder, `IMG_${String(number).padStart(6, "0")}.jpg`);
    await sharp(data, { raw }).extract(part).resize(width, height).jpeg({ quality: 88 }).toFile(path);
    paths.push(path);
  }
  return paths;
}
