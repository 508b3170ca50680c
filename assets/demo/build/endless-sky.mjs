/**
 * Landscape photographs of the game Endless Sky that its copyright file declares public domain with a reason that holds:
 * works of the United States government, or unsplash.com while everything there was CC0.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseDebianCopyright, stanzasOf } from "./debian-copyright.mjs";
import { PACKAGES, packageLabel, unpackedFolder } from "./packages.mjs";
import { belongsToDemo, LANDSCAPE_DIVISOR } from "./training-split.mjs";

const LAND = "usr/share/games/endless-sky/images/land";
/** The file calls pictures of this site public domain, too; to our knowledge the site's terms do not go that far. */
const DOUBTFUL_SITE = "morgue-file.com";
const COPYRIGHT = "usr/share/doc/endless-sky-data/copyright";

/**
 * A photograph counts as public domain only when every stanza on the landscapes that matches it says so.
 * @param {string} workFolder
 * @returns {import("./candidate.mjs").Candidate[]}
 */
export function endlessSkyCandidates(workFolder) {
  const folder = unpackedFolder(PACKAGES.endlessSky, workFolder);
  const stanzas = parseDebianCopyright(readFileSync(join(folder, COPYRIGHT), "utf8"));
  const landStanzas = stanzas.filter(({ patterns }) => patterns.every((pattern) => pattern.startsWith("images/land/")));
  return readdirSync(join(folder, LAND))
    .filter((file) => file.endsWith(".jpg") && belongsToDemo(file, LANDSCAPE_DIVISOR))
    .map((file) => ({ file, covering: stanzasOf(landStanzas, `images/land/${file}`) }))
    .filter(({ covering }) => covering.every(({ licence }) => licence === "public-domain"))
    .map(({ file, covering }) => ({ file, stanza: covering.at(-1) }))
    .filter(({ stanza }) => !stanza.note.includes(DOUBTFUL_SITE))
    .map(({ file, stanza }) => ({
      part: "endless-sky",
      name: file.replace(".jpg", ""),
      text: file.replace(/\d*\.jpg$/, ""),
      licence: "public-domain",
      author: photographer(stanza),
      origin: `${packageLabel(PACKAGES.endlessSky)}: ${LAND}/${file}; ${stanza.note}`,
      bytes: readFileSync(join(folder, LAND, file)),
      edgePx: 480,
    }));
}

/**
 * @param {string} workFolder
 * @returns {string[]} absolute paths of the landscapes that may be trained on
 */
export function trainingSideLandscapes(workFolder) {
  const folder = join(unpackedFolder(PACKAGES.endlessSky, workFolder), LAND);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".jpg") && !belongsToDemo(file, LANDSCAPE_DIVISOR))
    .map((file) => join(folder, file));
}

/** The copyright file names NASA and the USGS; of the photo collections it names only the site. */
function photographer({ copyright, note }) {
  if (copyright !== "Various") return copyright;
  const site = /Taken from ([\w.-]+)/.exec(note)?.[1].replace(/[.,]$/, "");
  return site === undefined ? "unknown" : `unnamed contributor of ${site}`;
}
