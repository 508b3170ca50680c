// Writes each project's tsconfig.json references from its package.json dependencies, and the root list. Run after adding a dependency.
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";

const folders = globSync("{apps,libs}/*/package.json")
  .concat(["e2e/package.json", "benchmarks/package.json"])
  .map(dirname)
  .sort();
const folderOf = new Map(
  folders.map((folder) => [JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).name, folder]),
);
const typed = folders.filter((folder) => existsSync(`${folder}/src`));

/** What projects have that also run in browsers; without the types of Node the client cannot use what only Node has. */
const OWN_OPTIONS = {
  "apps/web": {
    lib: ["es2024", "dom", "dom.iterable"],
    jsx: "react-jsx",
    module: "esnext",
    moduleResolution: "bundler",
    types: ["vite/client"],
  },
  "libs/client": { lib: ["es2024", "dom", "dom.iterable"], types: [] },
};
/** Examples are programs of their own, written as a user of the package would. */
const EXAMPLES = ["libs/client/examples"];

for (const folder of typed) {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const references = Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => folderOf.has(name) && existsSync(`${folderOf.get(name)}/src`))
    .map((name) => ({ path: relative(folder, folderOf.get(name)) }));
  const options = {
    rootDir: "src",
    outDir: "dist/types",
    tsBuildInfoFile: "dist/types/tsconfig.tsbuildinfo",
    ...OWN_OPTIONS[folder],
  };
  const config = {
    extends: `${relative(folder, ".")}/tsconfig.base.json`,
    compilerOptions: options,
    include: ["src"],
    references,
  };
  writeFileSync(`${folder}/tsconfig.json`, `${JSON.stringify(config, null, 2)}\n`);
}
writeFileSync(
  "tsconfig.json",
  `${JSON.stringify({ files: [], references: [...typed, ...EXAMPLES].sort().map((folder) => ({ path: `./${folder}` })) }, null, 2)}\n`,
);
