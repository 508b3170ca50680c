/**
 * Checks the corpus as it lies here, without any download: node assets/demo/build/check.mjs
 * Exits 1 and names every fault: stray or missing files, unsorted lines, licences that may not be shipped, pictures from
 * the training side of the split, captions of pictures that are not here.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { belongsToDemo, LANDSCAPE_DIVISOR } from "./training-split.mjs";

const demoFolder = resolve(fileURLToPath(import.meta.url), "../..");
const SHIPPABLE_LICENCES = new Set(["public-domain", "CC0-1.0", "MIT"]);
const MIN_PICTURES = 300;
const MAX_CORPUS_BYTES = 10_000_000;
const CAPTION_WORDS = { min: 6, max: 15 };

function main() {
  const entries = readLines("manifest.jsonl");
  const captions = readLines("true-captions.jsonl");
  const files = readdirSync(join(demoFolder, "images"), { recursive: true })
    .map((file) => `images/${file}`)
    .filter((path) => path.endsWith(".webp"));
  const faults = [
    ...entries.flatMap(entryFaults),
    ...fileFaults(entries, files),
    ...captionFaults(captions, new Set(files)),
    ...sizeFaults(files),
    ...orderFaults("manifest.jsonl", entries),
    ...orderFaults("true-captions.jsonl", captions),
  ];
  for (const fault of faults) console.error(fault);
  console.log(`${entries.length} pictures, ${captions.length} true captions, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function readLines(name) {
  return readFileSync(join(demoFolder, name), "utf8").trimEnd().split("\n").map(JSON.parse);
}

function entryFaults({ path, text, attributes }) {
  const { source, licence, author, origin } = attributes;
  const faults = [];
  if (!path.startsWith(`images/${source}/`)) faults.push(`"${path}" names source "${source}", expected its folder`);
  if (!SHIPPABLE_LICENCES.has(licence)) faults.push(`"${path}" has licence "${licence}", which is not shippable`);
  if (text === "" || !author || !origin) faults.push(`"${path}" lacks author or origin, or has an empty text`);
  const file = path.replace(/.*\//, "").replace(".webp", ".jpg");
  if (source === "endless-sky" && !belongsToDemo(file, LANDSCAPE_DIVISOR))
    faults.push(`"${path}" is on the training side`);
  return faults;
}

function fileFaults(entries, files) {
  const listed = new Set(entries.map(({ path }) => path));
  const present = new Set(files);
  return [
    ...files.filter((path) => !listed.has(path)).map((path) => `"${path}" is not in the manifest`),
    ...[...listed].filter((path) => !present.has(path)).map((path) => `"${path}" is in the manifest but not here`),
  ];
}

function captionFaults(captions, present) {
  return captions.flatMap(({ path, caption }) => {
    const words = caption.split(" ").length;
    const faults = [];
    if (!present.has(path)) faults.push(`caption of "${path}", which is not here`);
    if (words < CAPTION_WORDS.min || words > CAPTION_WORDS.max) faults.push(`"${caption}" has ${words} words`);
    if (/^\p{Lu}|\.$/u.test(caption)) faults.push(`"${caption}" starts with a capital or ends with a dot`);
    return faults;
  });
}

function sizeFaults(files) {
  const bytes = files.reduce((sum, path) => sum + statSync(join(demoFolder, path)).size, 0);
  const faults = [];
  if (bytes > MAX_CORPUS_BYTES) faults.push(`pictures take ${bytes} bytes, limit ${MAX_CORPUS_BYTES}`);
  if (files.length < MIN_PICTURES) faults.push(`${files.length} pictures, expected at least ${MIN_PICTURES}`);
  return faults;
}

function orderFaults(name, lines) {
  const misplaced = lines.findIndex(({ path }, index) => index > 0 && path <= lines[index - 1].path);
  return misplaced === -1 ? [] : [`${name} line ${misplaced + 1} is out of order or repeated`];
}

main();
