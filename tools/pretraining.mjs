// npm run pretraining -- SCRIPT [ARGUMENTS]: runs a script of apps/pretraining with the arguments as they are, paths relative to where one is.
// The steps that need the folders of the data step get apps/pretraining/.cache and .work when none are named.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const home = join(import.meta.dirname, "../apps/pretraining");
const scripts = JSON.parse(readFileSync(join(home, "package.json"), "utf8")).scripts;
const PATH_OPTIONS = new Set([
  "--cache",
  "--work",
  "--out",
  "--config",
  "--photos",
  "--recipe",
  "--model",
  "--huggingface",
  "--evaluation",
  "--figures",
  "--sets",
  "--predictions",
]);
const NEEDED = {
  data: ["cache", "work"],
  train: ["cache", "work"],
  export: ["cache", "work"],
  evaluate: ["cache", "work"],
  ablate: ["cache", "work"],
  testsets: ["cache", "work"],
  shards: ["work"],
};

const [script, ...given] = process.argv.slice(2);
if (!scripts[script]) {
  console.error(
    `"${script ?? ""}" is no script of apps/pretraining, expected one of ${Object.keys(scripts).join(", ")}.`,
  );
  process.exit(2);
}
if (script !== "setup" && !existsSync(join(home, ".venv/bin/python"))) {
  console.error("apps/pretraining/.venv does not exist. Run: npm run pretraining -- setup");
  process.exit(2);
}
const from = process.env.INIT_CWD ?? process.cwd();
const words = given.map((word, index) => (PATH_OPTIONS.has(given[index - 1]) ? resolve(from, word) : word));
for (const name of NEEDED[script] ?? [])
  if (!words.includes(`--${name}`) && !words.includes("--help")) words.push(`--${name}`, join(home, `.${name}`));
const { status } = spawnSync("npm", ["run", "--silent", script, "--", ...words], { cwd: home, stdio: "inherit" });
process.exitCode = status ?? 1;
