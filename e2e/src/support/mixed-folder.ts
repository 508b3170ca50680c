import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { REPOSITORY } from "./medley.ts";
import { pixelBomb } from "./png.ts";

/** What is used of sharp here: only to write pictures. It is a library's own dependency, so it is asked for in its name. */
interface Picture {
  jpeg(options?: { quality: number }): Picture;
  png(options?: { palette: boolean; colours: number }): Picture;
  webp(options?: { quality: number }): Picture;
  gif(): Picture;
  tiff(options: { compression: "lzw" }): Picture;
  avif(options: { effort: number }): Picture;
  greyscale(): Picture;
  toColourspace(space: "cmyk" | "rgb16"): Picture;
  ensureAlpha(alpha: number): Picture;
  withMetadata(options: { orientation: number }): Picture;
  toBuffer(): Promise<Buffer>;
}
interface RawPixels {
  readonly raw: { readonly width: number; readonly height: number; readonly channels: 3 };
}

const sharp: (pixels: Buffer, options: RawPixels) => Picture = createRequire(
  join(REPOSITORY, "libs/media/package.json"),
)("sharp");

export interface MixedFolder {
  readonly path: string;
  /** Paths of good pictures; the last of them are copies. */
  readonly good: readonly string[];
  /** Bad file → the code that tells why. */
  readonly bad: ReadonlyMap<string, string>;
  /** Pictures with a text beside them → the text. */
  readonly texts: ReadonlyMap<string, string>;
  /** A picture that lies on its side and says so. */
  readonly rotated: string;
}

const WIDTH = 64;
const HEIGHT = 40;

/** How a picture is written; the number makes each another one. */
const WRITERS: readonly (readonly [extension: string, write: (picture: Picture) => Picture])[] = [
  ["jpg", (picture) => picture.jpeg({ quality: 90 })],
  ["png", (picture) => picture.png()],
  ["webp", (picture) => picture.webp({ quality: 90 })],
  ["gif", (picture) => picture.gif()],
  ["tiff", (picture) => picture.tiff({ compression: "lzw" })],
  ["palette.png", (picture) => picture.png({ palette: true, colours: 16 })],
  ["grey.jpg", (picture) => picture.greyscale().jpeg()],
  ["cmyk.jpg", (picture) => picture.toColourspace("cmyk").jpeg()],
  ["deep.png", (picture) => picture.toColourspace("rgb16").png()],
  ["alpha.webp", (picture) => picture.ensureAlpha(0.5).webp()],
  ["JPEG", (picture) => picture.withMetadata({ orientation: 6 }).jpeg()],
  ["avif", (picture) => picture.avif({ effort: 0 })],
];

export interface FolderSize {
  /** Good pictures, each of them another one. */
  readonly pictures: number;
  /** Copies of some of them under other names. */
  readonly twins: number;
  /** Folders of ten bad files each. */
  readonly badFolders: number;
  /** Every so many pictures one has a text beside it. */
  readonly textEvery: number;
}

/** 200 files: 190 good pictures in twelve formats and 10 that are none. */
const DEFAULT_SIZE: FolderSize = { pictures: 189, twins: 1, badFolders: 1, textEvery: 4 };

/** Writes good pictures in twelve formats into nested folders, copies of some, texts beside some, and files that are no pictures. */
export async function writeMixedFolder(path: string, size: FolderSize = DEFAULT_SIZE): Promise<MixedFolder> {
  const good: string[] = [];
  const texts = new Map<string, string>();
  for (let index = 0; index < size.pictures; index += 1) {
    const [extension, write] = WRITERS[index % WRITERS.length] as (typeof WRITERS)[number];
    const folder = join(path, ["", "summer", "summer/beach", "folder.jpg", "Ünïcode and spaces"][index % 5] ?? "");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${String(index).padStart(3, "0")}.${extension}`);
    writeFileSync(file, await write(drawPicture(index)).toBuffer());
    good.push(file);
    if (index % size.textEvery !== 0) continue;
    texts.set(file, `picture number ${index}`);
    writeFileSync(`${file.slice(0, file.lastIndexOf("."))}.txt`, `picture number\n ${index}\n`);
  }
  for (let index = 0; index < size.twins; index += 1) {
    const twin = join(path, "summer", `twin of ${String(index).padStart(3, "0")}.jpg`);
    copyFileSync(good[index] as string, twin);
    good.push(twin);
  }
  const bad = new Map<string, string>();
  for (let number = 0; number < size.badFolders; number += 1) {
    const folder = number === 0 ? path : join(path, `bad ${number}`);
    for (const [file, code] of await writeBadFiles(folder)) bad.set(file, code);
  }
  return { path, good, bad, texts, rotated: good[10] as string };
}

/** A gradient whose colours and slope follow from the number, so that no two pictures are the same in any format. */
function drawPicture(number: number): Picture {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const inside = (x - (number % WIDTH)) ** 2 + (y - (number % HEIGHT)) ** 2 < 150;
      const colour = inside
        ? [255, (number * 53) % 256, 0]
        : [(number * 31 + x * 3) % 256, (number * 17 + y * 5) % 256, 90];
      pixels.set(colour, (y * WIDTH + x) * 3);
    }
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

async function writeBadFiles(path: string): Promise<Map<string, string>> {
  const jpeg = await drawPicture(1001).jpeg().toBuffer();
  const png = await drawPicture(1002).png().toBuffer();
  const files: readonly (readonly [name: string, bytes: string | Buffer, code: string])[] = [
    ["note.jpg", "this is a text and no picture", "NOT_AN_IMAGE"],
    ["page.gif", "<!doctype html><title>404</title>", "NOT_AN_IMAGE"],
    ["empty.png", "", "EMPTY_FILE"],
    ["torn.jpg", jpeg.subarray(0, Math.floor(jpeg.length * 0.6)), "TRUNCATED"],
    ["summer/torn.png", png.subarray(0, Math.floor(png.length * 0.6)), "TRUNCATED"],
    ["bomb.png", pixelBomb(), "TOO_MANY_PIXELS"],
    [
      "drawing.svg",
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
      "UNSUPPORTED_FORMAT",
    ],
    ["paper.pdf", "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n", "UNSUPPORTED_FORMAT"],
    ["summer/beach/noise.webp", Buffer.concat([Buffer.of(7), randomBytes(5000)]), "NOT_AN_IMAGE"],
  ];
  mkdirSync(join(path, "summer/beach"), { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(path, name), bytes);
  symlinkSync(join(path, "gone.jpg"), join(path, "dangling.jpg"));
  return new Map([
    ...files.map(([name, , code]) => [join(path, name), code] as const),
    [join(path, "dangling.jpg"), "FILE_NOT_FOUND"],
  ]);
}
