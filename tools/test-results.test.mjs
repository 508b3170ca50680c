import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { projectFolders, readResults, removeResults, scriptOf } from "./test-results.mjs";

const roots = [];
afterEach(() => roots.splice(0).forEach((root) => rmSync(root, { recursive: true, force: true })));

function repository(files) {
  const root = mkdtempSync(join(tmpdir(), "medley-results-"));
  roots.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return root;
}

const results = (statuses, status = "passed") => ({
  success: status === "passed",
  testResults: [
    {
      name: "a.test.ts",
      status,
      message: "",
      assertionResults: statuses.map((each) => ({ status: each, fullName: each, failureMessages: ["because"] })),
    },
  ],
});

test("counts passed, failed and skipped tests and keeps the reason of each failure", () => {
  const root = repository({
    "a/test-results.json": results(["passed", "passed", "failed", "skipped", "todo"], "failed"),
  });
  const counted = readResults(root, "a");
  expect(counted).toMatchObject({ passed: 2, failed: 1, skipped: 2 });
  expect(counted.failures).toEqual([{ title: expect.stringContaining("> failed"), messages: ["because"] }]);
});

test("counts a file that fails before its tests, a missing file and a damaged file as one failure each", () => {
  const root = repository({ "a/test-results.json": results([], "failed"), "b/test-results.json": '{"testResults":[' });
  for (const folder of ["a", "b", "c"]) expect(readResults(root, folder)).toMatchObject({ passed: 0, failed: 1 });
});

test("takes a project without tests for no failure", () => {
  const root = repository({ "a/test-results.json": { success: true, testResults: [] } });
  expect(readResults(root, "a")).toMatchObject({ passed: 0, failed: 0, skipped: 0 });
});

test("finds the projects by the workspaces' patterns and removes their old results", () => {
  const root = repository({
    "package.json": { workspaces: ["libs/*", "e2e"] },
    "libs/one/package.json": { scripts: { test: "vitest" } },
    "libs/one/test-results.json": results(["passed"]),
    "libs/no-project/test-results.json": results(["passed"]),
    "e2e/package.json": {},
  });
  expect(projectFolders(root)).toEqual(["e2e", "libs/one"]);
  expect(scriptOf(root, "libs/one", "test")).toBe("vitest");
  expect(scriptOf(root, "e2e", "test")).toBeUndefined();
  removeResults(root, ["libs/one"]);
  expect(readResults(root, "libs/one")).toMatchObject({ failed: 1 });
});
