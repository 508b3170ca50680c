/** Photographs of GCompris whose README block plainly says public domain or CC0. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commonsTitle, parseCredits } from "./gcompris-credits.mjs";
import { PACKAGES, packageLabel, unpackedFolder } from "./packages.mjs";
import { readQtResource } from "./qt-resource.mjs";

const ARCHIVES = "usr/share/gcompris-qt/rcc";
/** Activities that show photographs. */
const PHOTO_ACTIVITIES = [
  "categorization",
  "clickgame",
  "erase",
  "explore_farm_animals",
  "explore_monuments",
  "explore_world_animals",
  "explore_world_music",
  "solar_system",
];
/** Its fish are pairs of animation frames without an address; its seascapes are photographs. */
const NEEDS_ADDRESS = "clickgame";
const FREE_LICENCES = new Map([
  ["public domain", "public-domain"],
  ["cc0-1.0", "CC0-1.0"],
]);

/**
 * @param {string} workFolder
 * @returns {import("./candidate.mjs").Candidate[]}
 */
export function gcomprisCandidates(workFolder) {
  const folder = join(unpackedFolder(PACKAGES.gcompris, workFolder), ARCHIVES);
  return PHOTO_ACTIVITIES.flatMap((activity) => {
    const files = readQtResource(readFileSync(join(folder, `${activity}.rcc`)));
    const readmes = [...files.keys()].filter((path) => path.endsWith("/README"));
    return readmes.flatMap((readme) => readmeCandidates(files, readme, activity));
  });
}

function readmeCandidates(files, readme, activity) {
  const folder = readme.slice(0, -"/README".length);
  return parseCredits(files.get(readme).toString("utf8"))
    .filter(({ file, licence }) => file.endsWith(".webp") && FREE_LICENCES.has(licence.toLowerCase()))
    .filter(({ address }) => activity !== NEEDS_ADDRESS || address !== undefined)
    .map(({ file, licence, author, address }) => {
      const path = `${folder}/${file}`;
      const bytes = files.get(path);
      if (bytes === undefined) return undefined; // a README may still list a file dropped from the release
      return {
        part: "gcompris",
        name: pictureName(activity, folder, file),
        text: commonsTitle(address) ?? spacedWords(file),
        licence: FREE_LICENCES.get(licence.toLowerCase()),
        author,
        origin: `${packageLabel(PACKAGES.gcompris)}: ${ARCHIVES}/${activity}.rcc:/${path}; ${address ?? "address not given"}`,
        bytes,
        edgePx: 400,
      };
    })
    .filter((candidate) => candidate !== undefined);
}

/** "categorization/…/images/tools" + "hammer1.webp" becomes "tools-hammer1"; "explore_monuments" + "usa/navajo.webp" "monuments-usa-navajo". */
function pictureName(activity, folder, file) {
  const group =
    activity === "categorization" ? folder.slice(folder.lastIndexOf("/") + 1) : activity.replace("explore_", "");
  return `${group}-${file.replace(".webp", "")}`.replace(/[/_]/g, "-").toLowerCase();
}

/** "greatWall2.webp" becomes "great wall". */
function spacedWords(file) {
  return file
    .slice(file.lastIndexOf("/") + 1)
    .replace(/\d*\.webp$/, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}
