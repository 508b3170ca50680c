import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

// Each line breaks one rule of the import graph in ARCHITECTURE.md. All are planted at once, in a copy of the workspace, so
// that a test run that is killed leaves nothing in the real one; then lint runs there as `npm run lint` runs it.
const VIOLATIONS = [
  {
    project: "onnx",
    folder: "libs/onnx",
    imports: "onnxruntime-node",
    says: 'not allowed to import "onnxruntime-node"',
  },
  { project: "onnx", folder: "libs/onnx", imports: "@medley/inference-api", says: "only depend on libs tagged" },
  { project: "client", folder: "libs/client", imports: "@medley/config", says: "cannot depend on any libs" },
  { project: "gateway", folder: "apps/gateway", imports: "@medley/client", says: "Servers do not call themselves" },
  { project: "search", folder: "libs/search", imports: "@medley/blip", says: "only depend on libs tagged" },
  { project: "search", folder: "libs/search", imports: "pg", says: 'not allowed to import "pg"' },
  { project: "search", folder: "libs/search", imports: "@opentelemetry/sdk-trace", says: "not allowed to import" },
  { project: "onnx", folder: "libs/onnx", imports: "@medley/tracing", says: "only depend on libs tagged" },
  { project: "tracing", folder: "libs/tracing", imports: "@medley/calibration", says: "cannot depend on any libs" },
  { project: "calibration", folder: "libs/calibration", imports: "@medley/config", says: "only depend on libs tagged" },
  { project: "evaluation", folder: "libs/evaluation", imports: "@medley/search", says: "only depend on libs tagged" },
  { project: "gateway", folder: "apps/gateway", imports: "@medley/blip", says: "can not depend on libs tagged" },
  { project: "gateway", folder: "apps/gateway", imports: "@medley/inference", says: "can not depend on libs tagged" },
  { project: "gateway", folder: "apps/gateway", imports: "sharp", says: 'not allowed to import "sharp"' },
];
const ALLOWED = { folder: "apps/gateway", imports: "@medley/storage" };

const repository = join(import.meta.dirname, "..");
const fileOf = (index) => `src/planted-${index}.ts`;
let workspace;
let output;
let status;

beforeAll(() => {
  workspace = copyWorkspace();
  VIOLATIONS.forEach(({ folder, imports }, index) => {
    writeFileSync(
      join(workspace, folder, fileOf(index)),
      `import * as planted from "${imports}";\nexport { planted };\n`,
    );
  });
  writeFileSync(join(workspace, ALLOWED.folder, "src/allowed.ts"), `export * from "${ALLOWED.imports}";\n`);
  const projects = [...new Set(VIOLATIONS.map(({ project }) => project))].join(",");
  const args = ["run-many", "-t", "lint", "-p", projects, "--skip-nx-cache", "--output-style=static"];
  const env = {
    ...process.env,
    NX_DAEMON: "false",
    NX_TUI: "false",
    FORCE_COLOR: "0",
    NX_WORKSPACE_ROOT_PATH: workspace,
  };
  const lint = spawnSync(join(repository, "node_modules/.bin/nx"), args, { cwd: workspace, env, encoding: "utf8" });
  output = `${lint.stdout}${lint.stderr}`;
  status = lint.status;
});

afterAll(() => rmSync(workspace, { recursive: true, force: true }));

test("fails lint when an import breaks the graph", () => expect(status, output).toBe(1));

for (const [index, { folder, imports, says }] of VIOLATIONS.entries()) {
  test(`names the import of ${imports} in ${folder}`, () => {
    const own = complaintsAbout(fileOf(index));
    expect(own, output).toMatch(/@nx\/enforce-module-boundaries|no-restricted-imports/);
    expect(own).toContain(says);
  });
}

test("lets an import pass that the graph allows", () => {
  expect(output).toContain("planted-0.ts");
  expect(output).not.toContain("allowed.ts");
});

/** The lines between the name of the file and the name of the next one. */
function complaintsAbout(file) {
  const [, rest = ""] = output.split(file);
  return rest.split(/^(?=\/|✖)/m)[0];
}

/** Settings, projects and their entry files, with the installed packages linked in. The rule needs no more, and lint is quick. */
function copyWorkspace() {
  const copy = mkdtempSync(join(tmpdir(), "medley-boundaries-"));
  const tracked = execFileSync("git", ["ls-files"], { cwd: repository, encoding: "utf8" }).trim().split("\n");
  const wanted = tracked.filter((path) =>
    /^[^/]+$|^[^/]+\/([^/]+\/)?(package|tsconfig)\.json$|\/src\/(index|main)\.tsx?$/.test(path),
  );
  for (const path of wanted) {
    mkdirSync(join(copy, dirname(path)), { recursive: true });
    cpSync(join(repository, path), join(copy, path));
  }
  linkPackages(join(repository, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Packages of the registry lead to the real installation, those of the workspace to the copy. */
function linkPackages(from, to) {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (name === "@medley" || name === ".cache") continue;
    symlinkSync(join(from, name), join(to, name));
  }
  cpSync(join(from, "@medley"), join(to, "@medley"), { recursive: true, verbatimSymlinks: true });
}
