// All that `npm test` runs: three gates (format, lint, types), then every project's tests, then the end-to-end stories.
// The last line is "N passed, N failed": each gate counts as one, each test as one, skipped tests as neither.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { projectFolders, readResults, removeResults, scriptOf } from "./test-results.mjs";

const root = join(import.meta.dirname, "..");
const env = {
  ...process.env,
  // Node 24 of node_modules/.bin comes first, whatever Node the shell has.
  PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
  NX_TUI: "false",
  FORCE_COLOR: "0",
};
// The folders with tests that are no projects: they look at the whole repository, and Nx has nothing to cache by.
const WORKSPACE_TESTS = "tools";

const total = { passed: 0, failed: 0, skipped: 0 };
const projects = projectFolders(root);
const tested = projects.filter((folder) => scriptOf(root, folder, "test"));
removeResults(root, [...projects, WORKSPACE_TESTS]);

await gate("format", "biome", ["format", "."]);
await gate("lint", "nx", ["run-many", "-t", "lint", "--output-style=static"]);
await gate("types", "tsc", ["-b", "tsconfig.json"]);
await tests("tests", tested, "nx", ["run-many", "-t", "test", "--output-style=static"]);
await tests("workspace tests", [WORKSPACE_TESTS], "vitest", ["run", "--config", "tools/vitest.config.mjs"]);
if (projects.includes("e2e") && scriptOf(root, "e2e", "e2e")) {
  await tests("end-to-end tests", ["e2e"], "npm", ["run", "--silent", "e2e", "-w", "@medley/e2e"]);
}

if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

async function gate(title, program, args) {
  const { ok, output, seconds } = await run(program, args);
  total[ok ? "passed" : "failed"] += 1;
  console.log(`${ok ? "ok    " : "FAILED"} ${title} (${seconds} s)`);
  if (!ok) console.log(indent(failingTasks(output)));
}

async function tests(title, folders, program, args) {
  // A result of the step before, in the same folder, must not be counted again.
  removeResults(root, folders);
  const { ok, output, seconds } = await run(program, args);
  const results = folders.map((folder) => readResults(root, folder));
  const failures = results.flatMap((result) => result.failures);
  for (const kind of ["passed", "failed", "skipped"]) for (const result of results) total[kind] += result[kind];
  if (!ok && failures.length === 0) total.failed += 1;
  console.log(`${ok && failures.length === 0 ? "ok    " : "FAILED"} ${title} (${seconds} s)`);
  for (const result of results) console.log(indent(summary(result)));
  for (const { title: name, messages } of failures) console.log(indent(["", `FAILED ${name}`, ...messages].join("\n")));
  // What the tests' own reports cannot say, such as a runner that did not start, is in the runner's output.
  if (!ok && (failures.length === 0 || failures.some(({ messages }) => messages.length === 0)))
    console.log(indent(failingTasks(output)));
}

/** What Nx printed for the tasks that failed; everything when it does not say which, or is not from Nx. */
function failingTasks(output) {
  const [before, list] = output.split(/^Failed tasks:$/m);
  const failed = [...(list ?? "").matchAll(/^- (\S+)$/gm)].map(([, task]) => task);
  const blocks = before
    .split(/^(?=> nx run )/m)
    .filter((block) => failed.some((task) => block.startsWith(`> nx run ${task}\n`)));
  return blocks.length > 0 ? blocks.map((block) => block.split(/^\s+NX {3}/m)[0]).join("") : output;
}

function summary({ folder, passed, failed, skipped }) {
  return `${folder}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Runs to the end and keeps the output, standard error included, in the order it came. */
function run(program, args) {
  const started = performance.now();
  return new Promise((resolve) => {
    const chunks = [];
    const finish = (ok, extra = "") => {
      const seconds = Math.round((performance.now() - started) / 1000);
      resolve({ ok, seconds, output: Buffer.concat(chunks).toString("utf8") + extra });
    };
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => finish(false, missing(program, error)));
    child.on("close", (code) => finish(code === 0));
  });
}

function missing(program, error) {
  const hint = existsSync(join(root, "node_modules")) ? "" : " There is no node_modules folder: run npm ci first.";
  return `${program} cannot be started: ${error.message}.${hint}`;
}

function indent(text) {
  return text.trimEnd().replaceAll(/^(?=.)/gm, "  ");
}
