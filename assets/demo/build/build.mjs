/**
 * Builds the demo corpus: node assets/demo/build/build.mjs WORK_FOLDER
 * Writes images/ and manifest.jsonl beside this folder; the same packages and sharp version give the same bytes.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { picturePath } from "./candidate.mjs";
import { endlessSkyCandidates } from "./endless-sky.mjs";
import { fluentCandidates } from "./fluent.mjs";
import { gcomprisCandidates } from "./gcompris.mjs";
import { findLookAlikes, thumbnailVector } from "./look-alikes.mjs";
import { openclipartCandidates } from "./openclipart.mjs";
import { isColourful, renderPicture } from "./render.mjs";

const demoFolder = resolve(fileURLToPath(import.meta.url), "../..");
const MAX_CORPUS_BYTES = 10_000_000; // the repository carries these files for good

async function main([workFolder]) {
  if (workFolder === undefined) throw new Error("Usage: node assets/demo/build/build.mjs WORK_FOLDER");
  const offered = sourcesInOrder(resolve(workFolder));
  checkUniquePaths(offered);
  const dropped = readDropped();
  const pictures = await renderAll(offered);
  const repeats = findLookAlikes(pictures);
  for (const [repeat, kept] of repeats) console.log(`left out ${repeat}: looks like ${kept}`);
  const shown = pictures.filter(({ path }) => !repeats.has(path) && !dropped.has(path)); // a dropped picture takes its copies along
  shown.sort((left, right) => (left.path < right.path ? -1 : 1));
  writeCorpus(shown);
  report(shown);
}

/** Photographs first, so that a drawing that repeats one gives way; by path within a source. */
function sourcesInOrder(workFolder) {
  return [endlessSkyCandidates, gcomprisCandidates, openclipartCandidates, fluentCandidates].flatMap((list) =>
    list(workFolder).sort((left, right) => (left.name < right.name ? -1 : 1)),
  );
}

function checkUniquePaths(candidates) {
  const seen = new Set();
  for (const candidate of candidates) {
    const path = picturePath(candidate);
    if (seen.has(path)) throw new Error(`Two candidates claim "${path}".`);
    seen.add(path);
  }
}

async function renderAll(candidates) {
  const pictures = [];
  const grey = readGrey();
  for (const candidate of candidates) {
    const mustBeColourful = candidate.part === "openclipart" && !grey.has(candidate.name);
    if (mustBeColourful && !(await isColourful(candidate.bytes))) continue;
    const webp = await renderPicture(candidate);
    const vector = await thumbnailVector(webp);
    pictures.push({ candidate, path: picturePath(candidate), webp, vector });
  }
  return pictures;
}

/** Names of clip art that is shown although it has no colours. */
function readGrey() {
  const lines = readFileSync(new URL("./grey-drawings.txt", import.meta.url), "utf8").split("\n");
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
}

/** Paths in dropped.txt: "path<tab>reason", lines starting with # are comments. */
function readDropped() {
  const lines = readFileSync(new URL("./dropped.txt", import.meta.url), "utf8").split("\n");
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split("\t")[0]));
}

function writeCorpus(shown) {
  rmSync(join(demoFolder, "images"), { recursive: true, force: true });
  for (const { path, webp } of shown) {
    mkdirSync(dirname(join(demoFolder, path)), { recursive: true });
    writeFileSync(join(demoFolder, path), webp);
  }
  const lines = shown.map(({ path, candidate: { part, text, licence, author, origin } }) =>
    JSON.stringify({ path, text, attributes: { source: part, licence, author, origin } }),
  );
  writeFileSync(join(demoFolder, "manifest.jsonl"), `${lines.join("\n")}\n`);
}

function report(shown) {
  const parts = new Map();
  for (const { candidate, webp } of shown) {
    const { count = 0, sizeBytes = 0 } = parts.get(candidate.part) ?? {};
    parts.set(candidate.part, { count: count + 1, sizeBytes: sizeBytes + webp.length });
  }
  console.table(Object.fromEntries(parts));
  const totalBytes = shown.reduce((sum, { webp }) => sum + webp.length, 0);
  console.log(`${shown.length} pictures, ${totalBytes} bytes`);
  if (totalBytes > MAX_CORPUS_BYTES) throw new Error(`The corpus has ${totalBytes} bytes, limit ${MAX_CORPUS_BYTES}.`);
}

await main(process.argv.slice(2));
