// Makes the noisy corpus: node build-corpus.ts --to DIR [--packages DIR]. The same packages and the same sharp give the same bytes.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { cacheFolder, unpackedPackage } from "../debian-package.ts";
import { type Drawing, isHeldOutAuthor, readDrawings } from "./clip-art.ts";

const PACKAGES = ["openclipart-png", "openclipart-svg"];
const VERSION = "1:0.18+dfsg-19"; // other releases of Debian may hold other drawings
const LONGEST_SIDE_PX = 320;
const WEBP_QUALITY = 85;

export interface Pair {
  readonly path: string;
  readonly text: string;
  readonly attributes: {
    readonly author: string;
    readonly folder: string;
    readonly licence: "public-domain";
    readonly fileName: string;
    readonly keywords: string;
    readonly source: string;
  };
}

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { to: { type: "string" }, packages: { type: "string" } } });
  if (values.to === undefined) throw new Error("Name the folder to write to: node build-corpus.ts --to DIR");
  const drawings = readDrawings(values.packages ?? fetchPackages());
  const usable = drawings.filter(({ title, isPublicDomain }) => title !== "" && isPublicDomain);
  const pairs = await writeCorpus(values.to, usable);
  const heldOut = pairs.filter(({ attributes }) => isHeldOutAuthor(attributes.author));
  console.log(`${drawings.length} pictorial drawings`);
  console.log(`${drawings.length - usable.length} of them without a title or not in the public domain`);
  console.log(`${pairs.length} pairs with ${new Set(pairs.map(({ text }) => text)).size} different texts`);
  console.log(
    `${heldOut.length} pairs by ${new Set(heldOut.map((pair) => pair.attributes.author)).size} held-out authors`,
  );
}

function fetchPackages(): string {
  const cache = cacheFolder("medley-noisy-pairs");
  for (const name of PACKAGES) unpackedPackage(cache, name, VERSION);
  return cache;
}

/**
 * Writes pictures/ and manifest.jsonl. Names and order of the pictures come from a checksum of the path: a file name says nothing of
 * what is shown, and neighbours are not of one folder.
 */
async function writeCorpus(folder: string, drawings: readonly Drawing[]): Promise<Pair[]> {
  rmSync(join(folder, "pictures"), { recursive: true, force: true });
  mkdirSync(join(folder, "pictures"), { recursive: true });
  const shuffled = drawings
    .map((drawing) => ({ drawing, checksum: crc32(drawing.source).toString(16).padStart(8, "0") }))
    .sort((one, other) => (one.checksum < other.checksum ? -1 : 1));
  const pairs: Pair[] = [];
  for (const { drawing, checksum } of shuffled) {
    const path = `pictures/${String(pairs.length + 1).padStart(4, "0")}-${checksum}.webp`;
    writeFileSync(join(folder, path), await renderOnWhite(drawing.pngFile));
    pairs.push(pairOf(drawing, path));
  }
  writeFileSync(join(folder, "manifest.jsonl"), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  return pairs;
}

function pairOf({ source, title, description, keywords, author }: Drawing, path: string): Pair {
  const ending = /[.!?:;,]$/.test(title) ? "" : ".";
  return {
    path,
    text: description === "" || description === title ? title : `${title}${ending} ${description}`,
    attributes: {
      author,
      folder: dirname(source),
      licence: "public-domain",
      fileName: basename(source),
      keywords: keywords.join(", "),
      source,
    },
  };
}

function renderOnWhite(pngFile: string): Promise<Buffer> {
  return sharp(pngFile)
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .resize(LONGEST_SIDE_PX, LONGEST_SIDE_PX, { fit: "inside", withoutEnlargement: true })
    .webp({ quality: WEBP_QUALITY, effort: 4, smartSubsample: true })
    .toBuffer();
}
