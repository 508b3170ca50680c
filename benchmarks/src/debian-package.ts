import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A folder for what benchmarks download or compute once. */
export function cacheFolder(name: string): string {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder that a package of Debian is unpacked in; downloaded where it is missing, for which `apt-get update` must have run once. */
export function unpackedPackage(cache: string, name: string, version: string): string {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const archive = () => readdirSync(cache).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  if (archive() === undefined) {
    execFileSync("apt-get", ["download", `${name}=${version}`], { cwd: cache, stdio: ["ignore", "ignore", "inherit"] });
  }
  const unpacking = `${folder}.unpacking`; // renamed when complete, should this be stopped half-way
  execFileSync("dpkg", ["-x", join(cache, archive() ?? ""), unpacking]);
  renameSync(unpacking, folder);
  return folder;
}
