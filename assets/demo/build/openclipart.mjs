/** Clip art of openclipart.org by the demo's share of its authors: pixels from the PNG package, words from the SVG one. */
import { existsSync, lstatSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PACKAGES, packageLabel, unpackedFolder } from "./packages.mjs";
import { belongsToDemo, CLIP_ART_AUTHOR_DIVISOR } from "./training-split.mjs";

const SVG = "usr/share/openclipart/svg";
const PNG = "usr/share/openclipart/png";
const PUBLIC_DOMAIN = "http://web.resource.org/cc/PublicDomain";
/** Folders of signs, flags, logos, weapons and screen furniture: not pictures of things people search for. */
const SKIPPED_FOLDERS =
  /^(shapes|special|signs_and_symbols|logos|buttons|decorations|unsorted|computer\/(icons|buttons|diagrams|folders)|transportation\/(aiga|roadsigns)|recreation\/(games\/cards|religion)|tools\/weapons|people\/(stickmen|smilies))/;

/**
 * @param {string} workFolder
 * @returns {import("./candidate.mjs").Candidate[]}
 */
export function openclipartCandidates(workFolder) {
  const { drawings, pngFolder } = readDrawings(workFolder);
  const isShown = authorSplit(drawings);
  return drawings
    .filter((drawing) => drawing.licence === PUBLIC_DOMAIN && isShown(drawing) && !SKIPPED_FOLDERS.test(drawing.path))
    .map(({ path, pngPath, title, author }) => ({
      part: "openclipart",
      name: path
        .replace(/\.svg$/, "")
        .replace(/[^A-Za-z0-9]+/g, "-")
        .replace(/^-|-$/g, "")
        .toLowerCase(),
      text: title === "" ? null : title,
      licence: "public-domain",
      author: withoutMail(author) || "unknown",
      origin: `${packageLabel(PACKAGES.openclipartPng)}: ${PNG}/${pngPath}; words from openclipart-svg: ${SVG}/${path}; https://openclipart.org`,
      bytes: readFileSync(join(pngFolder, pngPath)),
      edgePx: 320,
    }));
}

/**
 * Drawings that may be trained on.
 * @param {string} workFolder
 * @returns {string[]} absolute paths of PNG files
 */
export function trainingSideDrawings(workFolder) {
  const { drawings, pngFolder } = readDrawings(workFolder);
  return drawings
    .filter((drawing) => !onDemoSide(drawing) && !SKIPPED_FOLDERS.test(drawing.path))
    .map(({ pngPath }) => join(pngFolder, pngPath));
}

/** Every drawing that both packages hold, with its metadata. */
function readDrawings(workFolder) {
  const svgFolder = join(unpackedFolder(PACKAGES.openclipartSvg, workFolder), SVG);
  const pngFolder = join(unpackedFolder(PACKAGES.openclipartPng, workFolder), PNG);
  const drawings = listDrawings(svgFolder)
    .map((path) => ({ path, pngPath: path.replace(/\.svg$/, ".png") }))
    .filter(({ pngPath }) => existsSync(join(pngFolder, pngPath)))
    .map((drawing) => ({ ...drawing, ...readMetadata(readFileSync(join(svgFolder, drawing.path), "utf8")) }));
  return { drawings, pngFolder };
}

/**
 * Decides which drawings the demo may show. An empty author counts as its relative path. Spellings of one name
 * ("Bruno Coudoin", "Bruno coudoin") can fall on both sides of the rule; then nobody of that name is shown.
 */
function authorSplit(drawings) {
  const trainedNames = new Set(
    drawings.filter((drawing) => !onDemoSide(drawing)).map((drawing) => plainName(authorKey(drawing))),
  );
  return (drawing) => onDemoSide(drawing) && !trainedNames.has(plainName(authorKey(drawing)));
}

function onDemoSide(drawing) {
  return belongsToDemo(authorKey(drawing), CLIP_ART_AUTHOR_DIVISOR);
}

function authorKey({ author, path }) {
  return author || path;
}

/** "Chris Murphy [someone@example.org]" becomes "Chris Murphy", a bare address its first half. */
function withoutMail(author) {
  return author
    .replace(/[([<][^)\]>]*@[^)\]>]*[)\]>]/g, "")
    .replace(/@\S+/, "")
    .trim();
}

/** Letters and digits only, lower case. */
function plainName(author) {
  return withoutMail(author)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");
}

/** Relative paths of all drawings, symbolic links (second names of one file) left out. */
function listDrawings(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".svg") && lstatSync(join(folder, path)).isFile())
    .sort();
}

function readMetadata(svg) {
  const metadata = /<metadata.*?<\/metadata>/s.exec(svg)?.[0] ?? "";
  const creator = element(metadata, "creator") ?? "";
  const licences = [...metadata.matchAll(/<(?:cc:)?license[^>]*rdf:resource="([^"]+)"/g)].map((match) => match[1]);
  return {
    title: plainText(element(metadata, "title") ?? ""),
    author: plainText(element(creator, "title") ?? ""),
    licence: licences[0],
  };
}

/** The inside of the first <dc:name> element. */
function element(xml, name) {
  return new RegExp(`<dc:${name}\\b[^>]*>(.*?)</dc:${name}>`, "s").exec(xml)?.[1];
}

function plainText(xml) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return xml
    .replace(/<[^>]+>/g, " ")
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, decimal) => String.fromCodePoint(Number(decimal)))
    .replace(/&(amp|lt|gt|quot|apos);/g, (_, name) => named[name])
    .replace(/\s+/g, " ")
    .trim();
}
