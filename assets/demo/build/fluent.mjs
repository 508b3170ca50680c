/** Fluent 3D emoji drawings over the concepts of fluent-concepts.txt. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGES, packageLabel, unpackedFolder } from "./packages.mjs";

const ASSETS = "package/assets";
const LABELS = "package/en/data.json";

/**
 * @param {string} workFolder
 * @returns {import("./candidate.mjs").Candidate[]}
 */
export function fluentCandidates(workFolder) {
  const drawings = unpackedFolder(PACKAGES.fluent3d, workFolder);
  const labels = JSON.parse(readFileSync(join(unpackedFolder(PACKAGES.emojibase, workFolder), LABELS), "utf8"));
  const emojiByLabel = new Map(labels.map((emoji) => [emoji.label, emoji]));
  return readConcepts().map((label) => {
    const emoji = emojiByLabel.get(label);
    if (emoji === undefined) throw new Error(`fluent-concepts.txt names "${label}", which is no emoji label.`);
    const file = drawingFile(join(drawings, ASSETS), emoji.hexcode);
    return {
      part: "fluent-3d",
      name: asciiName(label),
      text: label,
      licence: "MIT",
      author: "Microsoft (Fluent Emoji), packaged by LobeHub",
      origin: `${packageLabel(PACKAGES.fluent3d)}: ${ASSETS}/${file}; https://github.com/microsoft/fluentui-emoji`,
      bytes: readFileSync(join(drawings, ASSETS, file)),
      edgePx: 192,
    };
  });
}

function readConcepts() {
  return readFileSync(new URL("./fluent-concepts.txt", import.meta.url), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The package writes code points in lower case, some with the variation selector U+FE0F. */
function drawingFile(folder, hexcode) {
  const stem = hexcode.toLowerCase();
  const file = [`${stem}.webp`, `${stem}-fe0f.webp`].find((name) => existsSync(join(folder, name)));
  if (file === undefined) throw new Error(`Fluent 3D has no drawing for code point ${hexcode}.`);
  return file;
}

function asciiName(label) {
  return label
    .normalize("NFD")
    .replace(/[^A-Za-z0-9 -]/g, "")
    .replace(/ +/g, "-")
    .toLowerCase();
}
