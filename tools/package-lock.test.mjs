import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolders } from "./test-results.mjs";

// `npm ci` refuses a lock file that does not fit (EUSAGE), which only a fresh clone would show otherwise.
const root = join(import.meta.dirname, "..");
const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const locked = read("package-lock.json").packages;

test("locks every project with the dependencies of its package.json", () => {
  for (const folder of projectFolders(root)) {
    const { name, version, dependencies } = read(`${folder}/package.json`);
    expect(locked[folder], folder).toMatchObject({ version });
    expect(locked[`node_modules/${name}`], name).toMatchObject({ link: true, resolved: folder });
    expect(locked[folder].dependencies ?? {}, folder).toEqual(dependencies ?? {});
  }
});

test("locks the packages of every platform that a locked package names, as npm 11.19 demands", () => {
  const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(path, name)),
  );
  expect(missing).toEqual([]);
});

/** As Node looks for packages: beside the package that asks, then in each node_modules above it. */
function isLocked(from, name) {
  if (`${from}/node_modules/${name}` in locked || `node_modules/${name}` in locked) return true;
  const above = from.lastIndexOf("/node_modules/");
  return above >= 0 && isLocked(from.slice(0, above), name);
}
