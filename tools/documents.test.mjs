import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFolders } from "./test-results.mjs";

// What a document names must exist: a reader who follows a dead path stops trusting the rest.
const root = join(import.meta.dirname, "..");
const read = (path) => readFileSync(join(root, path), "utf8");
const tracked = execFileSync("git", ["ls-files", "*.md", "NOTICE"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const settings = [...read(".env.example").matchAll(/^# ([A-Z_]+)=/gm)].map(([, name]) => name);
/** Read by tests, benchmarks and tools, and therefore no settings of the platform; or the code of an error. */
const OTHER_NAMES = [
  "MEDLEY_URL",
  "MEDLEY_DATABASE_TEMPLATE",
  "MEDLEY_BENCH_PYTHON",
  "MEDLEY_BENCH_DIRECTORY",
  "TEST_DATABASE_URL",
  "INFERENCE_UNAVAILABLE",
];
const TOP = /^(apps|assets|benchmarks|docker|docs|e2e|libs|migrations|tools)\//;
const BUILT = /\/(dist|\.venv|medley-small)(\/|$)/;
const LONGEST_README_LINES = 80;

const manifests = new Map(projectFolders(root).map((folder) => [folder, JSON.parse(read(`${folder}/package.json`))]));
const byName = new Map([...manifests].map(([folder, manifest]) => [manifest.name, folder]));
const rootScripts = JSON.parse(read("package.json")).scripts;

for (const document of tracked) {
  describe(document, () => {
    const text = read(document);
    const code = [...text.matchAll(/`([^`\n]+)`/g)].map(([, inside]) => inside);

    test("names only files that exist", () => {
      const paths = code.filter((word) => TOP.test(word) && !/[\s*<>{}…]|[A-Z]{3,}/.test(word) && !BUILT.test(word));
      expect(paths.filter((path) => !existsSync(join(root, path.replace(/[,.:]$/, ""))))).toEqual([]);
      const links = [...text.matchAll(/\]\((?!https?:|#|<)([^)\s]+)\)/g)].map(([, target]) => target);
      expect(links.filter((target) => !existsSync(join(root, dirname(document), target.split("#")[0])))).toEqual([]);
    });

    test("names only scripts that exist", () => {
      const commands = [
        ...text.matchAll(/(?:cd (\S+) && )?npm run ([\w:-]+)(?: (?:-w|--workspace)[= ](\S+?)(?=[\s`,;.)]|$))?/gm),
      ];
      const missing = commands.filter(([, folder = dirname(document), script, workspace]) => {
        if (workspace !== undefined) return !manifests.get(byName.get(workspace))?.scripts?.[script];
        return !rootScripts[script] && !manifests.get(folder)?.scripts?.[script];
      });
      expect(missing.map(([command]) => command)).toEqual([]);
    });

    test("names only variables that are read", () => {
      const names = [...text.matchAll(/\b(?:MEDLEY|INFERENCE|DATABASE|TEST)_[A-Z_]*[A-Z]\b/g)].map(([name]) => name);
      expect([...new Set(names)].filter((name) => !settings.includes(name) && !OTHER_NAMES.includes(name))).toEqual([]);
    });

    if (/^(apps|libs)\/[^/]+\/README\.md$/.test(document)) {
      test("is short", () => expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(LONGEST_README_LINES));
    }
  });
}
