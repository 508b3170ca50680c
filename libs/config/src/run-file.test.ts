import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findRunningServer, removeRunFile, writeRunFile } from "./run-file.ts";

const directory = () => join(mkdtempSync(join(tmpdir(), "medley-run-")), "run");
const url = "http://127.0.0.1:8000";

test("finds the server whose process is alive", () => {
  const run = directory();
  writeRunFile(run, "inference", { url, pid: process.pid });
  expect(findRunningServer(run, "inference")).toEqual({ url, pid: process.pid });
  removeRunFile(run, "inference", process.pid);
  expect(findRunningServer(run, "inference")).toBeUndefined();
});

test("takes the file of a killed process, a broken file and no file for no server", () => {
  const run = directory();
  expect(findRunningServer(run, "inference")).toBeUndefined();
  writeRunFile(run, "inference", { url, pid: 2 ** 30 });
  expect(findRunningServer(run, "inference")).toBeUndefined();
  writeFileSync(join(run, "inference.json"), '{"url":');
  expect(findRunningServer(run, "inference")).toBeUndefined();
});

test("leaves the file that a newer process has written", () => {
  const run = directory();
  writeRunFile(run, "inference", { url, pid: process.pid });
  removeRunFile(run, "inference", process.pid + 1);
  expect(findRunningServer(run, "inference")).toBeDefined();
});
