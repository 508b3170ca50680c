// Reads the result files that Vitest's json reporter leaves in each project.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

export const RESULT_FILE = "test-results.json";

/** Folders of the npm workspaces under `root`. Only patterns of the forms "folder" and "folder/*" are in use. */
export function projectFolders(root) {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return workspaces
    .flatMap((pattern) => (pattern.endsWith("/*") ? subfolders(root, pattern.slice(0, -2)) : [pattern]))
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .sort();
}

function subfolders(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
}

/** The project's own script called `name`, or undefined. */
export function scriptOf(root, folder, name) {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).scripts?.[name];
}

/** Removes results of earlier runs, so that only what this run wrote or took from Nx's cache is counted. */
export function removeResults(root, folders) {
  for (const folder of folders) rmSync(join(root, folder, RESULT_FILE), { force: true });
}

/**
 * Counts one result file. A file that failed before its tests ran (a syntax error, a failing hook) is one failure, and so is
 * a result file that is missing or damaged: silence must never look like success.
 */
export function readResults(root, folder) {
  const failures = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const path = join(root, folder, RESULT_FILE);
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason =
      error.code === "ENOENT" ? "wrote no test-results.json" : `left a damaged test-results.json: ${error.message}`;
    return { folder, ...counts, failed: 1, failures: [{ title: `${folder} ${reason}`, messages: [] }] };
  }
  for (const file of report.testResults ?? []) {
    const name = relative(root, file.name);
    const before = counts.failed;
    for (const test of file.assertionResults ?? []) {
      if (test.status === "passed") counts.passed += 1;
      else if (test.status === "failed") {
        counts.failed += 1;
        failures.push({ title: `${name} > ${test.fullName}`, messages: test.failureMessages ?? [] });
      } else counts.skipped += 1;
    }
    if (file.status === "failed" && counts.failed === before) {
      counts.failed += 1;
      failures.push({ title: name, messages: file.message ? [file.message] : [] });
    }
  }
  if (report.success === false && counts.failed === 0) {
    counts.failed = 1;
    failures.push({ title: `${folder}: Vitest reports a failure outside of its tests`, messages: [] });
  }
  return { folder, ...counts, failures };
}
