/**
 * Looks for shown pictures that somebody on the training side drew, copied or photographed too:
 * node assets/demo/build/find-training-twins.mjs WORK_FOLDER
 * Prints "correlation<tab>shown picture<tab>training file". What it finds belongs in dropped.txt. Takes minutes: it
 * reads some 2,500 files.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { trainingSideLandscapes } from "./endless-sky.mjs";
import { correlation, SAME_PICTURE_CORRELATION, thumbnailVector } from "./look-alikes.mjs";
import { trainingSideDrawings } from "./openclipart.mjs";

const demoFolder = resolve(fileURLToPath(import.meta.url), "../..");

async function main([workFolder]) {
  if (workFolder === undefined) throw new Error("Usage: node assets/demo/build/find-training-twins.mjs WORK_FOLDER");
  const shown = await shownPictures();
  const trainingFiles = [...trainingSideLandscapes(workFolder), ...trainingSideDrawings(workFolder)];
  for (const file of trainingFiles) {
    const vector = await vectorOrNothing(file);
    if (vector === undefined) continue;
    for (const picture of shown) {
      const likeness = correlation(picture.vector, vector);
      if (likeness > SAME_PICTURE_CORRELATION) console.log(`${likeness.toFixed(3)}\t${picture.path}\t${file}`);
    }
  }
}

async function shownPictures() {
  const lines = readFileSync(join(demoFolder, "manifest.jsonl"), "utf8").trimEnd().split("\n");
  const pictures = [];
  for (const line of lines) {
    const { path } = JSON.parse(line);
    pictures.push({ path, vector: await thumbnailVector(readFileSync(join(demoFolder, path))) });
  }
  return pictures;
}

/** A few packaged PNG files are empty or cut short; they can be nobody's training picture either. */
async function vectorOrNothing(file) {
  try {
    return await thumbnailVector(readFileSync(file));
  } catch (error) {
    console.error(`skipped ${file}: ${error.message}`);
    return undefined;
  }
}

await main(process.argv.slice(2));
